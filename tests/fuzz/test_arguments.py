"""Whatever they are given, the public functions and the command end well or in one line; thousands were drawn once."""

import pytest

from keras_cnns.inference.predict import predict as predict_pictures
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export, predict
from tests.fuzz import arguments
from tests.fuzz.sweep import one_child


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with one_child():
        yield arguments.World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("kind", ["export", "quantization_aware", "predict", "tflite.predict", "keras-cnns"])
def test_no_argument_ends_in_a_traceback(kind, world):
    outcomes, result = arguments.run(kind, arguments.calls(world)[kind], 60)
    assert not result and sum(outcomes.values()) >= 30
    assert outcomes["done"] and (outcomes["refused"] or kind == "keras-cnns")


def test_what_ends_otherwise_is_seen():
    assert arguments.ended(int, ("x",), {}).startswith("ValueError")
    assert arguments.ended(lambda: 1, (), {}) == "done"

    def silent():
        raise UserError(" ")

    assert arguments.ended(silent, (), {}).startswith("no line")


def test_a_name_of_many_lines_leaves_the_line_one():
    assert str(UserError("there is no a\nb\u2028c")) == "there is no a b c"
    assert len(str(UserError("there is no " + 5000 * "a"))) < 400


WRONG = {
    "batch": [0, -1, "1", 1.5, True],
    "k": [0, "2", None],
    "max_drop": ["0.1", None, float("nan")],
    "islands": ["ADD", [3], 5],
    "names": ["abc", 3, [None]],
    "card": ["card", {}],
    "normalization": ["mean", (0, 1)],
    "scheme": [["int8"], 8],
    "engine": [0, ["quantizer"]],
    "head": [{}, 3],
    "input_type": [float, 8],
}


@pytest.mark.parametrize("name", WRONG)
def test_an_argument_of_export_is_named_when_it_is_wrong(name, world, tmp_path):
    for value in WRONG[name]:
        with pytest.raises(UserError, match=name) as error:
            export(world.models[0], tmp_path / "net.tflite", **{name: value})
        assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 3, b"net.tflite", "", "a\0b.tflite", ["net.tflite"]])
def test_an_argument_that_is_not_a_path_is_named(path, world):
    for call in (
        lambda: export(world.models[0], path),
        lambda: predict(path, world.x),
        lambda: predict_pictures(path, []),
    ):
        with pytest.raises(UserError, match="path"):
            call()


def test_one_picture_may_stand_alone(world):
    picture = str(world.folder / "d/dark/0.png")
    assert predict_pictures(world.file, picture) == predict_pictures(world.file, [picture])


def test_pictures_for_a_network_that_takes_none_are_refused_on_the_command_line(world, capsys):
    from keras_cnns.cli import commands

    with pytest.raises(SystemExit) as end:
        commands.main(
            ["export", str(world.folder / "two.keras"), "--scheme", "int8", "--dataset", f"folder:{world.folder}/d"]
        )
    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and len(lines) == 1 and lines[0].startswith("error: ") and "(3,), (3,)" in lines[0]
