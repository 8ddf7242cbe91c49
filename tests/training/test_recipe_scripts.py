"""A recipe script is a command: its fields are flags, a mistake is one line and status 2, and --smoke runs it."""

import re
from pathlib import Path

import pytest

from keras_cnns import tasks
from keras_cnns.cli import commands
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, find_recipe, run
from keras_cnns.training.script import parse, smoke

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "recipes").glob("*.py"))
LIGHT = {"lenet5_digits", "simple_cnn_fashion_mnist", "resnet20_digits"}
BASE = Recipe(model="lenet5", overrides={"C1": 6}, input_shape=(32, 32, 1))


def test_fields_are_flags():
    words = "--epochs 3 --augment.pad 2 --augment.mirror --optimizer adamw --input-shape 28 28 3 --overrides.C1 8"
    flags = parse(BASE, words.split())
    assert flags.recipe == BASE.but(
        epochs=3, augment={"pad": 2, "mirror": True}, optimizer="adamw", input_shape=(28, 28, 3), overrides={"C1": 8}
    )
    assert not flags.smoke


def test_columns_and_rates_by_name():
    recipe = BASE.but(overrides={})
    flags = parse(recipe, ["--overrides", "width", "0.5", "activation", "relu", "--layer-rates", "stem", "0.1"])
    assert flags.recipe == recipe.but(overrides={"width": 0.5, "activation": "relu"}, layer_rates={"stem": 0.1})


@pytest.mark.parametrize("words", ["--epoks 3", "--epochs three", "--optimizer sgdd"])
def test_a_flag_that_makes_no_sense_is_status_2(words):
    with pytest.raises(SystemExit) as end:
        parse(BASE, words.split())
    assert end.value.code == 2


@pytest.mark.parametrize("words", [["--epoks", "3"], ["--epochs", "three"], ["--optimizer", "sgdd"], ["extra"]])
@pytest.mark.parametrize("recipe", ["lenet5_digits", "recipes/resnet20_digits.py"])
def test_a_wrong_flag_points_to_that_recipes_help(recipe, words, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as end:
        commands.main(["train", recipe, *words])
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert end.value.code == 2 and f"keras-cnns train {recipe} --help" in message


def test_a_script_that_is_run_directly_names_itself_in_its_help(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["recipes/mine.py"])
    with pytest.raises(SystemExit):
        run(BASE, ["--epoks", "3"])
    assert "python recipes/mine.py --help" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_mistake_is_one_line_and_status_2(tmp_path, capsys):
    assert run(BASE, ["--dataset", "folder:/no/such", "--out", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("error: ") for line in message) == 1 and not any("Traceback" in line for line in message)


def test_a_recipe_is_found_by_name_and_by_path(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert find_recipe("lenet5_digits") == find_recipe(str(ROOT / "recipes" / "lenet5_digits.py"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("from keras_cnns.training import Recipe\nRECIPE = Recipe(model='lenet5')\n")
    assert find_recipe("mine.py").model == "lenet5"


@pytest.mark.parametrize(
    ("text", "message"),
    [("RECIPE = 3", "no RECIPE"), ("import nothing_such", "cannot be run"), ("RECIPE = (", "cannot")],
)
def test_a_script_without_a_recipe_is_refused(tmp_path, text, message):
    (tmp_path / "page.py").write_text(text)
    with pytest.raises(UserError, match=message):
        find_recipe(str(tmp_path / "page.py"))


def test_an_unknown_recipe_gets_the_list_of_recipes(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="lenet5_digit'.*Did you mean lenet5_digits"):
        find_recipe("lenet5_digit")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_recipe_states_how_to_run_it_and_where_it_writes(page):
    text = page.read_text()
    assert f"python recipes/{page.name}" in text or f"keras-cnns train {page.stem} " in text or page.stem == "fine_tune"
    assert find_recipe(str(page)).out == f"runs/{page.stem}"


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[] if p.stem in LIGHT else pytest.mark.slow, id=p.stem) for p in PAGES],
)
def test_smoke(page, tmp_path, capsys):
    recipe = find_recipe(str(page))
    assert run(recipe, ["--smoke", "--out", str(tmp_path / "run")]) == 0
    measure = tasks.of(recipe).score.replace("_", " ")
    assert re.search(rf"held-out {measure} [01]\.\d+ after", capsys.readouterr().out)
    assert (tmp_path / "run-smoke" / "model.keras").exists()


def test_smoke_changes_what_costs_time_only():
    recipe = find_recipe(str(ROOT / "recipes" / "inception_v3_imagenet.py"))
    small = smoke(recipe)
    kept = ("model", "optimizer", "schedule", "augment", "clip_norm", "ema", "label_smoothing", "overrides", "epsilon")
    assert all(getattr(small, name) == getattr(recipe, name) for name in kept)
