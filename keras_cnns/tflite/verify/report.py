"""The report of an export, for people and for machines."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.deprecation import renamed_attribute
from keras_cnns.tflite.verify.on_targets import TargetResult
from keras_cnns.tflite.verify.verdict import Comparison

OLD_KEYS = {
    "expected_loss": "loss",
    "expected_loss_share": "loss_share",
    "accuracy_loss": "lost",
    "sensitivities": "harms",
    "correlation": "followed",
    "note": "remark",
}


@dataclass(frozen=True)
class Sensitivity:
    """The error of the answers when one tensor alone is rounded to int8, and the type that the file keeps it in.

    Attributes:
      operator: its kind, such as "CONV_2D".
      layer: where it is.
      what: "result" or "weights".
      error: squared error of the answers, divided by their variance.
      kept: "int8", "int16" or "float" in the file.
    """

    operator: str
    layer: str
    what: str
    error: float
    kept: str

    harm = renamed_attribute("harm", "error")


@dataclass(frozen=True)
class Candidate:
    """One of the files that "auto" chooses from; without figures if it was not made.

    Attributes:
      name: the scheme, with its settings.
      status: as in a report, or "none".
      note: the file that beats it, why it was rejected, or why it was not made.
      beaten_by: another file that is no worse in time, size and loss, and better in one of them; None for the
        Pareto-optimal files, each of which is the choice for some limits.
      chosen: whether it is the file that was written.
      target_milliseconds, target_ram_bytes: of a run on the target, if a target decided and its tool states them.
    """

    name: str
    status: str
    note: str
    beaten_by: str | None = None
    chosen: bool = False
    size_bytes: int | None = None
    size_ratio: float | None = None
    latency_ms: float | None = None
    latency_ratio: float | None = None
    accuracy_loss: float | None = None
    accuracy_drop: float | None = None
    agreement: float | None = None
    snr_db: float | None = None
    target_milliseconds: float | None = None
    target_ram_bytes: int | None = None

    remark = renamed_attribute("remark", "note")
    lost = renamed_attribute("lost", "accuracy_loss")


@dataclass(frozen=True)
class Report:
    """One exported file.

    Attributes:
      path, model, scheme: of the file.
      status: "pass", "warn" or "fail". A failing file is written only with `force=True`.
      reasons, notes: why the status is not "pass", and what else there is to know.
      pictures: how many the file was compared on.
      comparisons: a `Comparison` for each output.
      source_comparisons: the same with the model before quantization-aware training, if that is known.
      size_bytes, size_ratio: of the file, and as a share of the float32 file's size.
      latency_ms, latency_ratio: median time of a run on this host, one thread, and as a share of the float32 file's
        time in alternating runs.
      operators, undelegated: their number, and how many XNNPACK leaves to slower kernels.
      seconds: how long the export took.
      layers: a `LayerError` for each layer if the status is "fail".
      sensitivities: a `Sensitivity` for each rounding, the largest error first, in schemes that choose by them.
      candidates: the files that "auto" chose from, a `Candidate` each.
      targets: a `TargetResult` for each other runtime or chip that the file is meant for.

    >>> report = keras_cnns.tflite.export(model, "model.tflite", scheme="int8", calibration=pictures)
    >>> report.status, report.size_bytes, report.comparisons[0].agreement
    """

    path: str
    model: str
    scheme: str
    status: str
    reasons: tuple
    notes: tuple
    pictures: int
    comparisons: tuple
    size_bytes: int
    size_ratio: float
    latency_ms: float
    latency_ratio: float
    operators: int
    undelegated: dict
    seconds: float
    layers: tuple = ()
    source_comparisons: tuple = ()
    sensitivities: tuple = ()
    candidates: tuple = ()
    targets: tuple[TargetResult, ...] = ()

    harms = renamed_attribute("harms", "sensitivities")
    loss = renamed_attribute("loss", "expected_loss")
    lost = renamed_attribute("lost", "accuracy_loss")

    @property
    def cosine(self) -> float | None:
        """Of the worst output."""
        return self._worst("cosine")

    @property
    def snr_db(self) -> float | None:
        """Of the worst output."""
        return self._worst("snr_db")

    @property
    def agreement(self) -> float | None:
        """Share of the pictures given the same class by both; None where there are no classes."""
        return self._worst("agreement")

    @property
    def expected_loss(self) -> float | None:
        """Expected accuracy loss, a fraction, by the original's own probabilities; None where there are no classes."""
        return self._worst("expected_loss", max)

    @property
    def accuracy_loss(self) -> float | None:
        """What "auto" compares files by: the drop where labels show one, else the expected loss."""
        return self._worst("accuracy_loss", max)

    def _worst(self, figure: str, worst: Callable = min) -> float | None:
        figures = [getattr(comparison, figure) for comparison in self.comparisons]
        return worst((value for value in figures if value is not None), default=None)

    def _labelled(self) -> Comparison:
        return next((c for c in self.comparisons if c.accuracy is not None), self.comparisons[0])

    @property
    def accuracy(self) -> float | None:
        """Of the file; None where no labels were given."""
        return self._labelled().accuracy

    @property
    def original_accuracy(self) -> float | None:
        """Of the Keras model on the same pictures; None where no labels were given."""
        return self._labelled().original_accuracy if self.comparisons else None

    @property
    def accuracy_drop(self) -> float | None:
        """The original's accuracy less the file's; None where no labels were given."""
        return self._labelled().accuracy_drop

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. The old keys of `OLD_KEYS` are there too for one more release."""
        values = asdict(self)
        for row in values["sensitivities"]:
            row["harm"] = row["error"]
        for row in (values, *values["comparisons"], *values["source_comparisons"], *values["candidates"]):
            row |= {old: row[new] for new, old in OLD_KEYS.items() if new in row}
        return values

    def to_json(self, path: str | os.PathLike) -> None:
        """Writes the report to `path`."""
        write_json(path, self.to_dict())
