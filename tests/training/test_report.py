"""The log of a run."""

from types import SimpleNamespace

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.training.report import Report


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    """As on a full disk, TensorFlow cannot make its first file."""
    (tmp_path / "log").write_text("a file where the folder should be")
    task = SimpleNamespace(logged=("loss",), held_out=("loss",))
    with (
        pytest.raises(UserError, match="cannot write the training log") as error,
        Report(tmp_path, task, quiet=True) as report,
    ):
        report.epoch({"epoch": 1, "step": 10, "loss": 0.5}, total=20)
    assert "\n" not in str(error.value)
