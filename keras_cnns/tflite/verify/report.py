"""The report of an export, for people and for machines."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.deprecation import renamed_attribute
from keras_cnns.support.sizes import size_words
from keras_cnns.tflite.verify.on_targets import TargetResult, targets_table
from keras_cnns.tflite.verify.verdict import Comparison

if TYPE_CHECKING:
    from rich.table import Table

OLD_KEYS = {
    "expected_loss": "loss",
    "expected_loss_share": "loss_share",
    "accuracy_loss": "lost",
    "sensitivities": "harms",
    "correlation": "followed",
    "note": "remark",
}


ORIGINAL = "Keras model"  # the row of the table that the files are compared with


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
      target_milliseconds, target_ram_bytes: of a run on the target, if one decided and its tool said so.
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


def table(reports: Sequence[Report], *, title: str | None = None) -> "Table":
    """A `rich.table.Table` of several reports, one row each; "x" is the ratio to the float32 file."""
    from rich.table import Table
    from rich.text import Text

    several = len({r.model for r in reports}) > 1
    columns = Table(
        title=title or (None if several else reports[0].model), box=None, padding=(0, 2, 0, 0), header_style="bold"
    )
    left = ("model", "scheme", "") if several else ("scheme", "")
    for column in (
        *left[:-1],
        "size",
        "x",
        "ms",
        "x",
        "expected loss",
        "top-1 agreement",
        "dB",
        "accuracy",
        "drop",
        "",
    ):
        columns.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    colours = {"pass": "green", "warn": "yellow", "fail": "red"}
    originals: set[tuple[str, float | None]] = set()
    for r in reports:
        original = (r.model, r.original_accuracy)
        if r.original_accuracy is not None and original not in originals:
            originals.add(original)
            figures = ("-",) * 7
            columns.add_row(*([r.model] if several else []), ORIGINAL, *figures, f"{r.original_accuracy:.4f}", "", "")
        columns.add_row(
            *([r.model] if several else []),
            r.scheme,
            *_size_and_time(r),
            _figure(r.expected_loss, ".4f"),
            _figure(r.agreement, ".3f"),
            _figure(r.snr_db, ".0f"),
            _figure(r.accuracy, ".4f"),
            _figure(r.accuracy_drop, "+.4f"),
            Text(r.status, style=colours[r.status]),
        )
    return columns


def candidates_table(report: Report) -> "Table":
    """A `rich.table.Table` of what "auto" chose between, the chosen one in bold; what nothing beats stands first."""
    from rich.table import Table
    from rich.text import Text

    columns = Table(title="what auto chose between", box=None, padding=(0, 2, 0, 0), header_style="bold")
    on_target = any(c.target_milliseconds is not None or c.target_ram_bytes is not None for c in report.candidates)
    target_columns = ("target ms", "target RAM") if on_target else ()
    for column in (
        "scheme",
        "size",
        "x",
        "ms",
        "x",
        "accuracy loss",
        "drop",
        "top-1 agreement",
        "dB",
        *target_columns,
        "",
    ):
        columns.add_column(column, justify="left" if column in ("scheme", "") else "right", no_wrap=column != "")
    for c in report.candidates:
        figures = [""] * (8 + len(target_columns))
        if c.size_bytes is not None:
            forms = ((c.accuracy_loss, ".4f"), (c.accuracy_drop, "+.4f"), (c.agreement, ".3f"), (c.snr_db, ".0f"))
            figures = [*_size_and_time(c), *(_figure(value, form) for value, form in forms)]
            ram = "-" if c.target_ram_bytes is None else size_words(c.target_ram_bytes)
            figures += [_figure(c.target_milliseconds, ".3g"), ram] if on_target else []
        note = Text("chosen" if c.chosen else c.note)
        columns.add_row(c.name, *figures, note, style="bold" if c.chosen else "dim" if c.note else None)
    return columns


def _size_and_time(r: Report | Candidate) -> tuple[str, str, str, str]:
    assert r.size_bytes is not None and r.latency_ms is not None  # a file was made and timed
    return (
        f"{r.size_bytes / 1e6:.2f} MB" if r.size_bytes >= 1e6 else f"{r.size_bytes / 1e3:.0f} kB",
        f"{r.size_ratio:.2f}",
        f"{r.latency_ms:.2f}" if r.latency_ms >= 0.1 else f"{r.latency_ms:.4f}",
        f"{r.latency_ratio:.2f}",
    )


def print_reports(reports: Sequence[Report], *, title: str | None = None) -> None:
    """Prints the table of several reports, with what there is to say about each below it."""
    from keras_cnns.support.console import console

    screen = console()
    screen.print(table(reports, title=title))
    for r in reports:
        labels = [c.accuracy_note for c in r.comparisons if c.accuracy_note]
        for sentence in (*r.reasons, *labels, *r.notes):
            screen.print(f"  {r.scheme}: {sentence}", style="dim", highlight=False)
    for r in reports:
        if r.targets:
            screen.print(targets_table(r.targets, title=f"{r.scheme} on its targets"))
    for r in reports:
        if r.candidates:
            screen.print(candidates_table(r))


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
