"""Rejects a file that fails the comparison: keeps it beside the path, with the reason and a remedy."""

from pathlib import Path

from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import RejectedExport
from keras_cnns.tflite.verify.layer_errors import first_wrong
from keras_cnns.tflite.verify.report import Report

CALIBRATED = "Look at the calibration pictures (are they scaled as in training?) or use weight_only_int8."
CONVERSION = (
    "A float32 file rounds nothing, so the conversion itself is wrong: look for NaN and for a layer that is random in "
    "inference, or replace the layer that goes wrong."
)
UNCALIBRATED = "Use a scheme that keeps more bits, or look for NaN and for a layer that is random in inference."


class Rejected(RejectedExport):
    """The file failed the comparison with its model.

    Attributes:
      report: the `Report`, with the error of every layer.

    >>> try:
    ...     keras_cnns.tflite.export(model, "model.tflite", scheme="int8", calibration=pictures)
    ... except keras_cnns.tflite.Rejected as error:
    ...     print(error.report.reasons)
    """

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


def set_aside(path: Path, file: Path) -> Path:
    """Copies `file` beside `path` as `NAME.rejected.tflite`; returns where that is."""
    aside = path.with_name(f"{path.stem}.rejected.tflite")
    with written_aside(aside) as copy:
        copy.write_bytes(file.read_bytes())
    return aside


def reject(path: Path, file: Path, report: Report, calibrated: bool) -> None:
    """Keeps the failing `file` beside `path` and raises.

    calibrated: whether its scheme is made on calibration pictures.

    Raises:
      Rejected: always.
    """
    wrong = first_wrong(report.layers)
    where = f" It goes wrong at {wrong.operator} of {wrong.layer} ({wrong.snr_db:.0f} dB)." if wrong else ""
    raise Rejected(
        f"the {report.scheme} file of {report.model} differs too much from the model: {'; '.join(report.reasons)}."
        f"{where}{_advice(report, calibrated)} It was kept as {set_aside(path, file)}; "
        "force=True (--force) writes it anyway.",
        report,
    )


def _advice(report: Report, calibrated: bool) -> str:
    if any(c.scales_differ or c.varies_too_little for c in report.comparisons):
        return ""  # the reasons name what helps; other pictures do not
    for note in report.notes:
        if "are both scaled alike" in note:
            return f" The {note}"
    if report.scheme == "float32":
        return f" {CONVERSION}"
    return f" {CALIBRATED if calibrated else UNCALIBRATED}"
