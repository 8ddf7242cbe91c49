"""Every command and every flag explains itself, and lists are accepted as people write them."""

from pathlib import Path

import pytest
import tyro
from tyro.extras import get_parser

from keras_cnns.cli.commands import COMMANDS, main
from keras_cnns.data import Augment
from keras_cnns.support.flag_lists import join_values, split_lists, tuple_flags
from keras_cnns.training.recipe import Recipe
from keras_cnns.training.recipe_help import COMMON
from keras_cnns.training.script import Flags

ROOT = Path(__file__).parents[2]


def run(capsys, *words):
    with pytest.raises(SystemExit) as exit:
        main(words)
    out, err = capsys.readouterr()
    return exit.value.code, out, err


def flags_of(command):
    """The flags of a function or dataclass."""
    parser = get_parser(command, config=(tyro.conf.FlagCreatePairsOff,))
    return {flag for action in parser._actions for flag in action.option_strings}


def without_text(command):
    """The flags of a command whose help is nothing but their default."""
    parser = get_parser(command)
    texts = {"/".join(action.option_strings) or action.dest: str(action.help or "") for action in parser._actions}
    return {flag for flag, text in texts.items() if not text.replace("[dim]", "").partition("(")[0].strip()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_has_a_text(name):
    assert not without_text(COMMANDS[name])


def test_every_flag_of_a_recipe_has_a_text_of_its_own():
    """A comment above several fields is the text of the first one only if it is about that field."""
    assert not without_text(Recipe) | without_text(Augment)
    headings = {"the network", "the data", "the loss", "the optimizer", "the run", "the place"}
    texts = {str(action.help).partition(" (")[0].replace("[dim]", "") for action in get_parser(Recipe)._actions}
    assert not texts & headings


def test_a_flag_without_a_text_is_found():
    def command(*, documented: int = 1, forgotten: int = 2) -> None:
        """A command.

        Args:
            documented: what it is for
        """

    assert without_text(command) == {"--forgotten"}


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_command_alone_lists_every_command(words, capsys):
    status, out, _ = run(capsys, *words)
    assert status == 0 and all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_screen(name, capsys):
    status, out, _ = run(capsys, name, "--help")
    assert status == 0 and out.startswith("usage: keras-cnns") and "Traceback" not in out


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"list", "recipes", "demo", "compare"}))
def test_a_command_without_its_arguments_says_what_is_missing(name, capsys):
    status, out, err = run(capsys, name)
    assert status == 2 and (out + err).strip() and "Traceback" not in err


def test_a_wrong_command_gets_a_suggestion(capsys):
    status, _, err = run(capsys, "exprot", "model.keras")
    assert status == 2 and "no command 'exprot'. Did you mean export" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"train"}))
def test_a_wrong_flag_is_named(name, capsys):
    status, _, err = run(capsys, name, "--no-such-flag")
    assert status == 2 and ("--no-such-flag" in err or "required" in err.lower() or "Missing" in err)


def test_train_alone_lists_the_recipes(capsys):
    status, out, _ = run(capsys, "train")
    assert status == 2
    assert all(path.stem in out for path in (ROOT / "recipes").glob("*.py"))


def test_a_recipes_help_shows_the_ten_common_flags_and_then_all(capsys):
    status, out, _ = run(capsys, "train", "fine_tune", "--help")
    assert status == 0 and len(COMMON) == 10 and len(out.splitlines()) < 60
    assert all(f"--{name.replace('_', '-')} " in out for name in COMMON)
    assert "folder of pictures for each class" in out and "(default: mobilenet_v2)" in out
    status, out, _ = run(capsys, "train", "fine_tune", "--help-all")
    assert status == 0 and "--warmup-epochs" in out


@pytest.mark.parametrize("written", ["1 2 4", "1,2,4", "1, 2, 4", "1,2 4"])
def test_lists_are_split_as_people_write_them(written):
    assert split_lists(["a.tflite", "--threads", *written.split(), "--json"], {"--threads"}) == [
        *("a.tflite", "--threads", "1", "2", "4", "--json")
    ]
    assert split_lists([f"--threads={written.split()[0]}"], {"--threads"})[:2] == ["--threads", "1"]


def test_only_lists_are_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a,b.keras").touch()
    assert split_lists(["--evaluate", "a,b.keras"], {"--evaluate"}) == ["--evaluate", "a,b.keras"]
    assert split_lists(["--out", "a,b"], {"--threads"}) == ["--out", "a,b"]
    assert {"--sizes", "--decay-epochs", "--input-shape"} <= tuple_flags(Recipe)
    assert "--scales" in tuple_flags(Flags) and "--model" not in tuple_flags(Recipe)


def test_a_column_takes_several_numbers():
    words = ["--overrides", "scales", "24", "32", "48", "width", "64", "--epochs", "3"]
    assert join_values(words, "--overrides") == ["--overrides", "scales", "24,32,48", "width", "64", "--epochs", "3"]
    named = ["--overrides", "norm", "batch", "anchors", "1", "2"]
    assert join_values(named, "--overrides") == ["--overrides", "norm", "batch", "anchors", "1,2"]
