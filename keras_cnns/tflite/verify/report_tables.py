"""The tables of exports: the files beside their model, and what "auto" chose between."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from keras_cnns.support.console import console
from keras_cnns.support.sizes import size_words
from keras_cnns.tflite.verify.on_targets import targets_table
from keras_cnns.tflite.verify.report import Candidate, Report

ORIGINAL = "Keras model"  # the row of the table that the files are compared with


def table(reports: Sequence[Report], *, title: str | None = None) -> Table:
    """A `rich.table.Table` of several reports, one row each; "x" is the ratio to the float32 file."""
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


def candidates_table(report: Report) -> Table:
    """A `rich.table.Table` of what "auto" chose between, the chosen one in bold; what nothing beats stands first."""
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
    """Prints the table of several reports, with what there is to say about each below it.

    >>> print_reports([export(model, "net.tflite")])
    """
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
