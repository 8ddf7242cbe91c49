"""The report's charts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_cnns.insight.figures.draw import plain
from keras_cnns.insight.report.calibration import Calibration
from keras_cnns.support.plots import NOT_PLOTTED, shortened
from keras_cnns.tflite.verify.layer_errors import LayerError

TRAIN, HELD_OUT = "#8a8f98", "#1f4e8c"
MOST = 10_000  # a count that fits into its square
UNITS = {"accuracy": "share right", "pixel_accuracy": "share of pixels right", "mean_iou": "intersection over union"}
UNITS |= {"map": "average precision", "map_50": "average precision"}
TITLES = {"map": "Mean average precision", "map_50": "Average precision at an overlap of .5", "mean_iou": "Mean IoU"}


def curves(history: Sequence[Mapping[str, Any]]) -> list[tuple[Figure, str, str]]:
    """[(figure, title, where it ends)]: training and held-out values by epoch, for each that the run wrote down."""
    names = dict.fromkeys(key.removeprefix("held_out_") for key in history[0] if key not in NOT_PLOTTED)
    epochs, figures = [row.get("epoch", i + 1) for i, row in enumerate(history)], []
    for name in names:
        figure = Figure(figsize=(4.2, 3.0), layout="constrained")
        axes, ends = figure.subplots(), []
        title = f"{TITLES.get(name, name.replace('_', ' ').capitalize())} by epoch"
        for key, label, colour, dashes in (
            (name, "training", TRAIN, "--"),
            (f"held_out_{name}", "held out", HELD_OUT, "-"),
        ):
            values = [row.get(key) for row in history]
            if all(isinstance(v, float) for v in values):
                axes.plot(
                    epochs,
                    np.asarray(values),
                    dashes,
                    color=colour,
                    label=label,
                    marker="." if len(history) < 20 else "",
                )
                ends.append(f"{label} {values[-1]:.4g}")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss, nats" if name.endswith("loss") else UNITS.get(name, name.replace("_", " ")))
        axes.set_title(title, fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if ends:
            axes.legend(frameon=False, fontsize=8)
            figures.append((figure, title, ", ".join(ends)))
    return figures


def confusion(matrix: np.ndarray | Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """Rows: the true class; shade: its share; numbers where there is room, shares where they are of pixels."""
    matrix, names = np.asarray(matrix), [plain(shortened(name, 24)) for name in names]
    share = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    few = len(matrix) <= 25
    side = 1.7 + 0.32 * max(len(matrix), 4) + 0.06 * max(map(len, names)) if few else 6
    figure = Figure(figsize=(side + 0.7, side), layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(share, cmap="Greys", vmin=0, vmax=1)
    figure.colorbar(drawn, ax=axes, shrink=0.8).set_label("share of the true class")
    axes.set_title("Confusion on the held-out pictures", fontsize=10)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    if few:
        axes.set_xticks(range(len(matrix)), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(len(matrix)), names)
        for (row, column), count in np.ndenumerate(matrix):
            text = f"{count}" if matrix.max() < MOST else f"{share[row, column]:.2f}".lstrip("0")
            if count and text != ".00":
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return figure


def reliability(calibration: Calibration) -> Figure:
    """Accuracy by confidence beside the line of a calibrated classifier, and how many pictures each bin holds."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    middles, width = (calibration.edges[:-1] + calibration.edges[1:]) / 2, calibration.edges[1] - calibration.edges[0]
    filled = calibration.counts > 0
    upper.bar(
        middles[filled],
        calibration.accuracy[filled],
        width * 0.92,
        color="#5b83b5",
        edgecolor="#1f3552",
        label="accuracy",
    )
    upper.plot([0, 1], [0, 1], "--", color="black", linewidth=1, label="calibrated")
    upper.set_ylabel("share right")
    upper.set_ylim(0, 1.02)
    upper.set_title("Reliability diagram", fontsize=10)
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    lower.bar(middles, calibration.counts, width * 0.92, color="#8a8f98")
    lower.set_ylabel("pictures")
    lower.set_xlabel("confidence of the answer, by tenths")
    lower.set_xlim(0, 1)
    return figure


def layer_errors(errors: Sequence[LayerError]) -> Figure:
    """Signal-to-noise ratio of each result of the int8 file, in the order of execution."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(errors) + 1), [e.snr_db for e in errors], "-", marker=".", color=HELD_OUT)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.axhline(12, linestyle="--", linewidth=1, color="black")
    axes.annotate("below: mostly noise", (1, 12), fontsize=8, xytext=(0, -10), textcoords="offset points")
    axes.set_xlabel("operator, in order of execution")
    axes.set_ylabel("signal to noise, dB")
    axes.set_title("Int8 file beside the float32 file, result by result", fontsize=10)
    axes.grid(alpha=0.3)
    return figure


def memory_map(live: Sequence[tuple[str, int]]) -> Figure:
    """Bytes of the intermediate results at each operator, in the order of execution."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    sizes = [size / 1024 for _, size in live]
    axes.bar(range(1, len(live) + 1), sizes, color=HELD_OUT, width=1.0, edgecolor="white", linewidth=0.3)
    axes.set_xlabel("operator, in order of execution")
    axes.set_ylabel("intermediate results, KiB")
    axes.set_title("Memory while the file runs", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3, axis="y")
    return figure
