"""`export(..., target=...)`: the target decides forms and ends, and a file that fails there is not written."""

from collections import Counter

import pytest

from keras_cnns.support.errors import NotInstalled
from keras_cnns.tflite import export
from keras_cnns.tflite.exporter import Rejected
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import table
from keras_cnns.tflite.targets.litert import LiteRT
from keras_cnns.tflite.targets.target import Finding, Outputs, Rewrites


class Chip(LiteRT):
    """A chip that wants integers at its ends and hard-swish as one operator, and computes as LiteRT does."""

    name = "chip"

    def rewrites(self):
        return Rewrites(input_type="int8", output_type="int8")


@pytest.fixture
def chip(monkeypatch):
    monkeypatch.setitem(table.TARGETS, "chip", chip := Chip())
    return chip


@pytest.fixture
def data(digits):
    (pictures, _), (images, labels) = digits
    return {"scheme": "int8", "calibration": pictures[:100], "images": images[:100], "labels": labels[:100]}


def test_the_target_decides_forms_and_ends(chip, network, data, tmp_path):
    report = export(network, tmp_path / "chip.tflite", target="chip", **data)
    assert [(result.target, result.status, result.answered) for result in report.targets] == [("chip", "pass", True)]
    file = read_contents(tmp_path / "chip.tflite")
    assert {t.type for t in (*file.inputs.values(), *file.outputs.values())} == {"INT8"}
    names = Counter(operator.name for operator in file.main.operators)
    assert names["HARD_SWISH"] == 1 and not names["QUANTIZE"]

    assert not export(network, tmp_path / "cpu.tflite", **data).targets
    file = read_contents(tmp_path / "cpu.tflite")
    assert {t.type for t in (*file.inputs.values(), *file.outputs.values())} == {"FLOAT32"}
    assert "HARD_SWISH" not in {operator.name for operator in file.main.operators}


def test_types_that_are_given_are_kept(chip, network, data, tmp_path):
    export(network, tmp_path / "a.tflite", target="chip", input_type="uint8", **data)
    file = read_contents(tmp_path / "a.tflite")
    assert [t.type for t in (*file.inputs.values(), *file.outputs.values())] == ["UINT8", "FLOAT32"]


def test_a_file_that_answers_otherwise_there_is_not_written(chip, network, data, tmp_path, monkeypatch):
    right = chip.run
    monkeypatch.setattr(chip, "run", lambda *x: Outputs({k: v[:, ::-1] for k, v in right(*x).arrays.items()}))
    with pytest.raises(Rejected, match="chip: ") as raised:
        export(network, tmp_path / "a.tflite", target=["litert", "chip"], **data)
    assert raised.value.report.targets[0].status == "fail" and not (tmp_path / "a.tflite").exists()


def test_a_file_with_an_operator_that_the_target_lacks_is_not_written(chip, network, data, tmp_path, monkeypatch):
    finding = Finding("operator", "error", "chip has no MEAN", "replace it")
    monkeypatch.setattr(chip, "findings", lambda file: [finding])
    with pytest.raises(Rejected, match="chip: chip has no MEAN"):
        export(network, tmp_path / "a.tflite", target="chip", **data)


def test_a_missing_tool_is_noted_and_is_no_pass(chip, network, data, tmp_path, monkeypatch):
    def missing(file):
        raise NotInstalled("chip was not run: pip install chip")

    monkeypatch.setattr(chip, "placement", missing)
    report = export(network, tmp_path / "a.tflite", target="chip", **data)
    assert report.targets[0].status == "not run"
    assert "chip: chip was not run: pip install chip" in report.notes
    assert report.to_dict()["targets"][0]["target"] == "chip"
