"""Compares networks: accuracy against operations and parameters, as published, and files measured on this machine."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from keras_cnns.builder import build
from keras_cnns.insight.figures import draw
from keras_cnns.insight.report import html
from keras_cnns.registry.registry import counts, entry, list_models
from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.sizes import bytes_of, size_words
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.tflite.targets.table import find
from keras_cnns.tflite.targets.target import Target
from keras_cnns.weights.catalog import published

SUFFIXES = (".png", ".svg", ".html")


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
      size: side of the input, pixels.
      params, macs: parameters, and multiply-accumulates of one picture.
      top1: ImageNet accuracy in percent, the best of the weights that were evaluated at the network's own input size.
      source, evaluation: who published the accuracy, and how it was measured.
      front: no other row has both fewer operations and a higher accuracy (Pareto front).
      size_bytes, latency_ms: of the `.tflite` file on this machine, if measured.
      ram_bytes, flash_bytes: of its int8 file on a target, if one was asked for; estimated: without the target's tool.
      fits: "yes", or "no" or "unknown" with the reason, if a target was asked for.
    """

    name: str
    size: int
    params: int
    macs: int
    top1: float | None = None
    source: str = ""
    evaluation: str = ""
    front: bool = False
    size_bytes: int | None = None
    latency_ms: float | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    estimated: bool = False
    fits: str | None = None


def compare(
    *patterns: str,
    measure: str | None = None,
    target: str | Target | None = None,
    ram: int | str | None = None,
    flash: int | str | None = None,
    alongside: Callable[[str], object] | None = None,
) -> list[Row]:
    """A `Row` for each network whose name matches, fewest operations first.

    Builds nothing unless `measure` or `target` is set.

    Args:
      *patterns: shell patterns of names; default: all.
      measure: scheme ("float32", ...) in which each network, with random weights, is exported, verified and timed on
        this machine.
      target: a runtime or chip, such as "tflite-micro": each network, with random weights, is exported in int8 for it,
        and its memory is what the target's tool says, or estimated from the file where the tool is missing.
      ram, flash: of the target, bytes or texts such as "256k"; None for any. Networks whose parameters alone exceed
        `flash` are not built.
      alongside: called with each name before it is measured.

    Raises:
      UserError: a pattern matches nothing, or there is no such target.
    """
    on = find(target) if isinstance(target, str) else target
    ram, flash = bytes_of(ram, "ram"), bytes_of(flash, "flash")
    if on is None and (ram or flash):
        raise BadArgument("ram and flash are limits of a target: name one, such as tflite-micro.")
    names: list[str] = []
    for pattern in patterns or ("*",):
        matches = list_models(pattern)
        if not matches:
            raise BadArgument(f"no model matches {pattern!r}.{nearest(pattern, list_models())}")
        names += [name for name in matches if name not in names]
    rows = sorted((_row(name) for name in names), key=lambda row: (row.macs, -(row.top1 or 0)))
    best = -1.0
    marked: list[Row] = []
    for row in rows:
        on_front = row.top1 is not None and row.top1 > best
        if row.top1 is not None and on_front:
            best = row.top1
        marked.append(_with(row, front=on_front))
    if measure:
        marked = [_with(row, **_measured(row.name, measure, alongside)) for row in marked]
    if on is not None:
        marked = [_with(row, **_fitted(row, on, ram, flash, alongside)) for row in marked]
    return marked


def _row(name: str) -> Row:
    costs, size = counts()[name], entry(name).variant.input_shape[0]
    sets: list[tuple[Any, str, str]] = [
        (p.top1, source, p.evaluation) for source, p in published(name).items() if p.top1 and p.size == size
    ]
    top1, source, evaluation = max(sets, default=(None, "", ""))
    return Row(name, size, costs["params"], costs["macs"], top1, source, evaluation)


def _with(row: Row, **values: Any) -> Row:
    return Row(**{**asdict(row), **values})


def _measured(name: str, scheme: str, alongside: Callable[[str], object] | None) -> dict[str, Any]:
    from keras_cnns.tflite.export_file import export

    if alongside:
        alongside(name)
    with temporary_folder() as folder:
        report = export(build(name), Path(folder) / f"{name}.tflite", scheme=scheme, force=True)
    return {"size_bytes": report.size_bytes, "latency_ms": report.latency_ms}


def _fitted(
    row: Row, target: Target, ram: int | None, flash: int | None, alongside: Callable[[str], object] | None
) -> dict[str, Any]:
    from keras_cnns.insight.fits import fit

    if alongside:
        alongside(row.name)
    result = fit(row.name, row.params, target, ram, flash)
    if result.memory is None:
        return {"fits": result.words}
    memory = result.memory
    sizes = {"ram_bytes": memory.ram_bytes, "flash_bytes": memory.flash_bytes}
    return {**sizes, "estimated": not memory.measured, "fits": result.words}


def write(rows: Sequence[Row], path: str | os.PathLike[str], title: str = "Accuracy against operations") -> None:
    """Writes the chart as .png or .svg, or chart and table as one .html file.

    Raises:
      UserError: `path` has another suffix, or no row has a published accuracy.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise BadArgument(f"{path} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    if path.suffix != ".html":
        return draw.save(chart(rows), path, title)
    front = [row.name for row in rows if row.front]
    section = html.Section("chart", "Chart and table")
    if any(row.top1 for row in rows):
        alt = f"Bubble chart of {len(rows)} networks; on the Pareto front: {', '.join(front)}"
        section.images = [html.of_figure(chart(rows), alt, CAPTION)]
    else:
        section.missing = ["No published accuracy at these networks' own input size: there is nothing to draw."]
    section.tables = [html.Table("Published figures; * on the Pareto front", HEAD, [cells(row) for row in rows])]
    return html.write(path, "report.html", title=title, subtitle=SOURCE, sections=[section])


SOURCE = "Top-1 on ImageNet's validation set as the weights' publishers report it, none of it measured here"
CAPTION = (
    "The area of a bubble is the number of parameters; dark and named: no other has fewer operations and is better."
)
HEAD = ("network", "input", "parameters", "multiply-adds", "top-1 %", "published by", "file, MB", "ms")
TARGET_HEAD = (">RAM", ">flash", "fits")
ESTIMATED = "about: estimated from the file, since the target's tool is not installed"


def target_cells(row: Row) -> tuple[str, str, str]:
    """The columns `TARGET_HEAD` of a row, as text."""
    about = "about " if row.estimated else ""
    ram, flash = ("" if size is None else about + size_words(size) for size in (row.ram_bytes, row.flash_bytes))
    return ram, flash, row.fits or ""


def cells(row: Row) -> tuple[str, ...]:
    """A row of the table, as text."""
    return (
        f"{row.name} *" if row.front else row.name,
        f"{row.size}",
        f"{row.params / 1e6:.1f} M" if row.params >= 1e5 else f"{row.params:,}",
        f"{row.macs / 1e9:.2f} G" if row.macs >= 1e9 else f"{row.macs / 1e6:.1f} M",
        "" if row.top1 is None else f"{row.top1:.1f}",
        row.source,
        "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}",
        "" if row.latency_ms is None else f"{row.latency_ms:.2f}",
    )


def chart(rows: Sequence[Row]) -> Figure:
    """A bubble chart: operations on the x axis, accuracy on the y axis, parameters as area."""
    rows = [row for row in rows if row.top1 is not None]
    if not rows:
        raise BadArgument("none of these networks has a published accuracy at its own input size: there is no chart.")
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    for front, colour, edge in ((False, "#c9d3e0", "#8a94a3"), (True, "#1f4e8c", "#0d2747")):
        drawn = [row for row in rows if row.front is front]
        axes.scatter(
            [row.macs / 1e9 for row in drawn],
            [row.top1 for row in drawn if row.top1 is not None],
            s=[_area(row) for row in drawn],
            c=colour,
            edgecolors=edge,
            alpha=0.8,
            linewidths=0.8,
        )
        axes.scatter([], [], s=40, c=colour, edgecolors=edge, label="on the Pareto front" if front else "others")
    line = [row for row in rows if row.front]
    axes.plot(
        [row.macs / 1e9 for row in line],
        [row.top1 for row in line if row.top1 is not None],
        color="#0d2747",
        linewidth=1,
        linestyle="--",
    )
    named = rows if len(rows) <= 24 else line
    for row in named:  # aslant, so that neighbours do not overlap: from the front to its free side, others away from it
        away = -1 if row.front else 1
        far = away * (_area(row) ** 0.5 / 2 + 2)
        place: dict[str, Any] = {"ha": "right", "va": "bottom"} if row.front else {"ha": "left", "va": "top"}
        place |= {"xytext": (0.8 * far, -0.6 * far), "textcoords": "offset points", "rotation": -35}
        axes.annotate(row.name, (row.macs / 1e9, row.top1), fontsize=7, rotation_mode="anchor", **place)
    axes.set_xlabel("multiply-adds of one picture, billions (log scale)")
    axes.set_ylabel("top-1 on ImageNet, % (published)")
    axes.grid(alpha=0.3, which="both")
    axes.margins(0.15)
    low, high = axes.get_xlim()
    axes.set_xlim(low / (high / low) ** 0.15, high)  # room for the name of the first network
    axes.spines[["top", "right"]].set_visible(False)
    for n in (5, 25, 100):
        axes.scatter([], [], s=n * 6, c="none", edgecolors="#555555", label=f"{n} M parameters")
    axes.legend(fontsize=7, loc="lower right", labelspacing=1.3, frameon=False)
    return figure


def _area(row: Row) -> float:
    """Area of a bubble, in square points."""
    return max(row.params / 1e6 * 6, 8)
