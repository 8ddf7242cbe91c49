"""The report: the old spellings of its fields and keys, which work for one more release."""

import pytest

from keras_cnns.tflite.verify.report import Candidate, Report, Sensitivity
from keras_cnns.tflite.verify.verdict import Comparison

SENSITIVITY = Sensitivity("CONV_2D", "stem", "result", 0.25, "float")
FIGURES = {"expected_loss": 0.02, "expected_loss_share": 0.04, "correlation": 0.9}
ACCURACY = {"accuracy": 0.9, "original_accuracy": 0.91, "drop_low": 0.0, "drop_high": 0.02, "pictures_needed": 900}
COMPARISON = Comparison("scores", "classifier", **FIGURES, **ACCURACY)
CANDIDATE = Candidate("int8", "pass", "", accuracy_loss=0.01)
REPORT = Report(
    path="net.tflite",
    model="net",
    scheme="int8",
    status="pass",
    reasons=(),
    notes=(),
    pictures=1,
    comparisons=(COMPARISON,),
    size_bytes=1,
    size_ratio=1.0,
    latency_ms=1.0,
    latency_ratio=1.0,
    operators=1,
    undelegated={},
    seconds=1.0,
    sensitivities=(SENSITIVITY,),
    candidates=(CANDIDATE,),
)


@pytest.mark.parametrize(
    ("record", "old", "new"),
    [
        (REPORT, "harms", "sensitivities"),
        (REPORT, "loss", "expected_loss"),
        (REPORT, "lost", "accuracy_loss"),
        (COMPARISON, "loss", "expected_loss"),
        (COMPARISON, "loss_share", "expected_loss_share"),
        (COMPARISON, "lost", "accuracy_loss"),
        (COMPARISON, "followed", "correlation"),
        (COMPARISON, "remark", "accuracy_note"),
        (CANDIDATE, "remark", "note"),
        (CANDIDATE, "lost", "accuracy_loss"),
        (SENSITIVITY, "harm", "error"),
    ],
)
def test_an_old_attribute_warns_and_gives_the_new_one(record, old, new):
    with pytest.warns(DeprecationWarning, match=f"{old} is now called .*{new}"):
        assert getattr(record, old) == getattr(record, new) is not None


def test_the_old_keys_are_in_the_dict():
    values = REPORT.to_dict()
    assert values["harms"] == values["sensitivities"] and values["harms"][0]["harm"] == 0.25
    assert values["comparisons"][0]["loss"] == 0.02 and values["comparisons"][0]["loss_share"] == 0.04
    assert values["comparisons"][0]["followed"] == 0.9 and values["candidates"][0]["remark"] == ""
    assert values["candidates"][0]["lost"] == values["candidates"][0]["accuracy_loss"] == 0.01
