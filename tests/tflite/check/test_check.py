"""`check` and its command: one report for anybody's file, one line for what is no file."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import check as command_check
from keras_cnns.cli.commands import main
from keras_cnns.saving.card import Card, write_card
from keras_cnns.support.errors import NotInstalled, UserError
from keras_cnns.tflite.check.check import check
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.targets import process, table
from keras_cnns.tflite.targets.target import Outputs
from tests.tflite.check.test_faults import described, int8_model, operator_code_zero, scale_zero
from tests.tflite.targets.conftest import buffer, dense_model, operator, operator_code, tensor
from tests.tflite.targets.fake_target import FakeTarget


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(described())
    return path


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.tflite"
    path.write_bytes(flatbuffer.write(dense_model()))
    return path


def test_a_sound_file(sound):
    report = check(sound, "litert,litert-reference")
    assert report.sound and report.synthetic
    assert [(result.target, result.status, result.answered) for result in report.targets] == [
        ("litert", "pass", True),
        ("litert-reference", "pass", True),
    ]
    assert report.operators["FULLY_CONNECTED"] == 1
    json.dumps(report.to_dict())


def test_litert_runs_in_one_process(sound, monkeypatch):
    started, start = [], process._Process.__init__
    monkeypatch.setattr(process._Process, "__init__", lambda self: started.append(self) or start(self))
    with process.no_child_left():
        process.start_early("litert_child")
        assert check(sound, "litert").targets[0].answered
    assert len(started) == 1


def test_a_target_that_answers_otherwise_fails(dense, monkeypatch):
    fake = FakeTarget()
    monkeypatch.setitem(table.TARGETS, "fake", fake)
    assert check(dense, "fake").targets[0].status == "pass"
    right = fake.run
    turned = lambda *x: Outputs({"scores": np.roll(right(*x).arrays["scores"], 1, axis=-1)})  # noqa: E731
    monkeypatch.setattr(fake, "run", turned, raising=False)
    (result,) = check(dense, "fake").targets
    assert result.status == "fail" and "beside LiteRT's answers" in result.reasons[0]


def test_a_missing_tool_is_never_a_pass(dense, monkeypatch):
    def missing(*_):
        raise NotInstalled("fake was not run: pip install fake")

    monkeypatch.setitem(table.TARGETS, "fake", fake := FakeTarget())
    monkeypatch.setattr(fake, "placement", missing, raising=False)
    (result,) = check(dense, "fake").targets
    assert result.status == "not run" and "pip install fake" in result.reasons[0]


def test_a_static_error_is_a_failure_without_the_tool(sound):
    (result,) = check(sound, "mediapipe").targets
    assert result.status == "fail" and "MediaPipe gives one picture" in result.reasons[0]


def test_a_runtime_that_refuses_the_file_is_a_failure(tmp_path):
    model = int8_model()
    scale_zero(model)
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    report = check(tmp_path / "net.tflite")
    assert not report.sound and report.findings[0].code == "quantization"


def command(*words):
    with pytest.raises(SystemExit) as exit_:
        main(["check", *map(str, words)])
    return exit_.value.code


def test_the_command_prints_findings_and_fixes_them(tmp_path, capsys):
    model = int8_model()
    operator_code_zero(model)
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(model))
    assert command(path) == 1
    assert "deprecated_builtin_code of QUANTIZE is not set" in capsys.readouterr().out
    assert command(path, "--fix") == 0
    assert "wrote" in capsys.readouterr().out and (tmp_path / "net.fixed.tflite").exists()
    assert command(tmp_path / "net.fixed.tflite", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sound"]


def image_model():
    """image (1, 4, 4, 3) -> MEAN over rows and columns -> (1, 3)."""
    model = dense_model()
    graph = model.subgraphs[0]
    graph.tensors = [tensor("image", (1, 4, 4, 3)), tensor("axes", (2,), "INT32", buffer=1), tensor("mean", (1, 3))]
    graph.operators, graph.inputs, graph.outputs = [operator(0, [0, 1], [2])], [0], [2]
    model.operatorCodes, model.buffers = [operator_code("MEAN")], [buffer(), buffer(np.asarray([1, 2], np.int32))]
    return model


def test_pictures_of_a_folder(tmp_path, capsys):
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(image_model()))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(3):
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(pictures / f"{i}.png")
    assert command(path, "--pictures", pictures, "--target", "litert,litert-reference", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 3 and not report["synthetic"]


@pytest.mark.parametrize("content", [b"", bytes(100), described()[:900]], ids=["empty", "no flatbuffer", "cut"])
def test_something_else_than_a_file_is_one_line(content, tmp_path, capsys):
    (tmp_path / "net.tflite").write_bytes(content)
    assert command(tmp_path / "net.tflite") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


def test_a_huge_file_is_not_read_into_memory(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer.write(dense_model()))
    with open(path, "r+b") as file:
        file.truncate(1 << 33)
    from keras_cnns.tflite.file.reader import read_contents

    assert len(read_contents(path).main.operators) == 2


def test_pictures_are_cropped_as_in_the_evaluation_of_the_file(tmp_path):
    path = tmp_path / "cropped.tflite"
    path.write_bytes(flatbuffer.write(image_model()))
    recipe = {"augment": {"crop": "centre", "crop_fraction": 0.5}}
    write_card(path, Card(source={"recipe": recipe}))
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[4:12, 4:12] = 255  # the centre, which alone is left
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    assert command_check._bytes(path, str(tmp_path)).min() == 255


def test_pictures_that_do_not_fit(sound, tmp_path):
    with pytest.raises(UserError, match="takes"):
        check(sound, pictures=np.zeros((1, 5, 5, 3), np.uint8))


def test_the_command_loads_no_tensorflow(sound):
    code = (
        "import sys\nfrom keras_cnns.cli.commands import main\n"
        f"try: main(['check', {str(sound)!r}])\nexcept SystemExit as e: print(e.code, 'tensorflow' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed.strip().endswith("0 False")
