"""Recipes are found by name in a checkout, in an installed package and in recipes/ of the current folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from keras_cnns.cli import commands
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.training import recipe_files

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(words, capsys):
    with pytest.raises(SystemExit) as exit:
        commands.main(words)
    return exit.value.code, capsys.readouterr()


def test_all_recipes_of_the_checkout_are_listed(elsewhere, capsys):
    code, printed = command(["recipes"], capsys)
    lines = dict(line.split(maxsplit=1) for line in printed.out.splitlines())
    assert code == 0 and set(lines) == {path.stem for path in (ROOT / "recipes").glob("*.py")}
    assert lines["lenet5_digits"].startswith("LeNet-5 on handwritten digits")


def test_an_installed_package_brings_its_recipes(elsewhere, monkeypatch):
    package = elsewhere / "site-packages" / "keras_cnns"
    (package / "recipes").mkdir(parents=True)
    (package / "recipes" / "tiny.py").write_text('"""A tiny one."""\n')
    monkeypatch.setattr(recipe_files, "PACKAGE", package)
    assert recipe_files.first_lines() == {"tiny": "A tiny one."}
    assert recipe_files.recipe_file("tiny") == package / "recipes" / "tiny.py"


def test_a_copy_is_written_once_and_then_used(elsewhere, capsys):
    code, printed = command(["recipes", "copy", "lenet5_digits"], capsys)
    copy = Path(printed.out.strip())
    assert code == 0 and copy == Path("recipes/lenet5_digits.py")
    assert copy.read_text() == (ROOT / "recipes" / "lenet5_digits.py").read_text()
    assert recipe_files.recipe_file("lenet5_digits") == copy
    code, printed = command(["recipes", "copy", "lenet5_digits"], capsys)
    assert code == 2 and "exists" in printed.err and "--out" in printed.err
    code, printed = command(["recipes", "copy", "lenet5_digits", "--out", "mine.py"], capsys)
    assert code == 0 and Path("mine.py").is_file()


def test_a_wrong_name_is_one_line(elsewhere, capsys):
    with pytest.raises(BadArgument, match="Did you mean lenet5_digits"):
        recipe_files.recipe_file("lenet5_digit")
    with pytest.raises(UserError):
        recipe_files.recipe_file("../../etc/passwd")
    assert command(["recipes", "copy"], capsys)[0] == 2


def test_listing_runs_nothing(elsewhere):
    (elsewhere / "recipes").mkdir()
    (elsewhere / "recipes" / "mine.py").write_text('"""Mine."""\nopen("mark", "w").close()\n')
    (elsewhere / "recipes" / "broken.py").write_text("def (:\n")
    lines = recipe_files.first_lines()
    assert lines["mine"] == "Mine." and lines["broken"] == "(cannot be read)" and not Path("mark").exists()


@pytest.mark.slow
def test_a_wheel_and_a_source_distribution_are_complete(tmp_path):
    """The wheel has the recipes and the templates; the source distribution has all that is under version control."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    source = tmp_path / "source"
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path, "--formats=zip", "bdist_wheel", "-d", tmp_path]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.zip")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"keras_cnns/recipes/{path.name}" for path in (ROOT / "recipes").glob("*.py")} <= names
    assert {n for n in filter(None, tracked) if n.startswith("keras_cnns/") and (ROOT / n).is_file()} <= names
    inside = {name.split("/", 1)[1] for name in zipfile.ZipFile(sdist).namelist()}
    missing = {name for name in filter(None, tracked) if (ROOT / name).is_file()} - inside
    assert missing <= {".gitignore"}
