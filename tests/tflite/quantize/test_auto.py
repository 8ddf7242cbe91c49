"""`scheme="auto"`: which scheme is chosen, and what is told about it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from keras_cnns.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.quantize import auto


@dataclass(frozen=True)
class Found:
    """As much of a report as the choice looks at."""

    path: str
    scheme: str
    latency_ratio: float
    size_ratio: float
    accuracy_drop: float | None = None
    agreement: float | None = None
    lost: float = 0.0
    status: str = "pass"
    reasons: tuple = ()
    notes: tuple = ()

    @property
    def size_bytes(self):
        return self.size_ratio * 1000


MEASURED = {
    "float32": (1.0, 1.0, 0.0),
    "float16": (0.99, 0.5, 0.0),
    "weight_only_int8": (0.98, 0.28, 0.005),
    "dynamic_int8": (1.8, 0.28, 0.002),
    "int8": (0.45, 0.3, 0.02),
    "int8_float_islands": (0.6, 0.3, 0.009),
}


def measured(path, scheme, force, without_labels=False, failing=(), **_):
    time, size, lost = MEASURED[scheme]
    Path(path).write_text(scheme)
    if scheme in failing:
        raise UserError("not possible")
    figures = {"agreement": 1 - lost} if without_labels else {"accuracy_drop": lost}
    return Found(str(path), scheme, time, size, lost=lost, **figures)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"max_drop": 0.03}, "int8"),
        ({"max_drop": 0.01}, "int8_float_islands"),
        ({"max_drop": 0.01, "without_labels": True}, "int8_float_islands"),
        ({"max_drop": 0.005}, "weight_only_int8"),  # as fast as float32, and smaller
        ({"max_drop": 0.001}, "float16"),
        ({"max_drop": 0.03, "calibrated": False}, "weight_only_int8"),
        ({"max_drop": 0.03, "failing": ["int8"]}, "int8_float_islands"),
        ({"max_drop": 0.03, "integer_io": True, "failing": ["int8_float_islands"]}, "int8"),
    ],
)
def test_the_fastest_that_is_good_enough(given, chosen, tmp_path):
    given = {"calibrated": True, "integer_io": False, **given}
    report = auto.pick(measured, tmp_path / "net.tflite", **given)
    assert report.scheme == chosen == (tmp_path / "net.tflite").read_text()
    assert (
        chosen in report.notes[0]
        and any(note.startswith("weight_only_int8") for note in report.notes) != (given["integer_io"])
    )


MEASURED["weight_only_mixed"] = (1.5, 0.2, 0.004)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"max_drop": 0.03, "max_size": 0.29}, "weight_only_int8"),
        ({"max_drop": 0.006, "max_latency": 0.7}, None),
        ({"max_drop": 0.009, "max_latency": 0.7}, "int8_float_islands"),
        ({"max_drop": 0.01, "max_size": 0.2}, "weight_only_mixed"),
        ({"max_drop": 0.001, "max_size": 0.2}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "max_latency": 1.0}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "calibrated": False}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "integer_io": True}, None),
    ],
)
def test_limits_of_size_and_time(given, chosen, tmp_path):
    given = {"calibrated": True, "integer_io": False, **given}
    if chosen is None:
        with pytest.raises(UserError, match="no scheme keeps within a loss of .*, 0.[27] of the (size|time)"):
            auto.pick(measured, tmp_path / "net.tflite", **given)
    else:
        report = auto.pick(measured, tmp_path / "net.tflite", **given)
        assert report.scheme == chosen
        mixed_was_tried = any(note.startswith("weight_only_mixed") for note in report.notes)
        assert mixed_was_tried == (chosen == "weight_only_mixed")  # it takes its time


def test_what_another_scheme_beats_in_everything_is_marked(tmp_path):
    report = auto.pick(measured, tmp_path / "net.tflite", max_drop=0.03, calibrated=True, integer_io=False)
    marked = {note.split(":")[0]: note.rpartition("beaten by ")[2] for note in report.notes if "beaten by" in note}
    assert marked == {"float32": "float16"}  # as good, faster and smaller; the others are each best at something
    failed = Found("", "int8", 0.1, 0.1, lost=0.0, status="fail")
    assert auto.beaten(Found("", "float32", 1, 1), [failed]) is None  # what would be refused beats nothing


def test_nothing_is_good_enough(tmp_path):
    with pytest.raises(UserError, match="no scheme keeps within a loss of -1"):
        auto.pick(measured, tmp_path / "net.tflite", max_drop=-1, calibrated=True, integer_io=False)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_real_network(network, digits, tmp_path):
    (pictures, _), (images, labels) = digits
    report = export(
        network, tmp_path / "net.tflite", scheme="auto", calibration=iter([pictures]), images=images, labels=labels
    )
    assert report.path == str(tmp_path / "net.tflite") and (tmp_path / "net.tflite").is_file()
    assert report.accuracy_drop <= 0.01 and report.status == "pass"
