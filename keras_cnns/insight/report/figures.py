"""The report's charts."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAIN, HELD_OUT = "#8a8f98", "#1f4e8c"


def curves(history):
    """Training and held-out figures by epoch: one chart for the loss, one for the measure."""
    measures = [key for key in ("loss", "accuracy") if any(key in row for row in history)]
    figure = Figure(figsize=(4.2 * len(measures), 3.2), layout="constrained")
    epochs = [row.get("epoch", i + 1) for i, row in enumerate(history)]
    for axes, key in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for name, label, colour, dashes in (
            (key, "training", TRAIN, "--"),
            (f"held_out_{key}", "held out", HELD_OUT, "-"),
        ):
            values = [row.get(name) for row in history]
            if all(isinstance(v, float) for v in values):
                axes.plot(epochs, values, dashes, color=colour, label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss, nats" if key == "loss" else "share right")
        axes.set_title(key.capitalize() + " by epoch", fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def confusion(matrix, names):
    """Rows: the true class; shade: its share; numbers where there is room."""
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    few = len(matrix) <= 25
    side = 2.2 + 0.36 * len(matrix) if few else 7
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
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
            if count:
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    return figure


def reliability(found):
    """Accuracy by confidence beside the line of a calibrated classifier, and how many pictures each bin holds."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    middles, width = (found.edges[:-1] + found.edges[1:]) / 2, found.edges[1] - found.edges[0]
    filled = found.counts > 0
    upper.bar(
        middles[filled], found.accuracy[filled], width * 0.92, color="#5b83b5", edgecolor="#1f3552", label="accuracy"
    )
    upper.plot([0, 1], [0, 1], "--", color="black", linewidth=1, label="calibrated")
    upper.set_ylabel("share right")
    upper.set_ylim(0, 1.02)
    upper.set_title("Reliability diagram", fontsize=10)
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    lower.bar(middles, found.counts, width * 0.92, color="#8a8f98")
    lower.set_ylabel("pictures")
    lower.set_xlabel("confidence of the answer, by tenths")
    lower.set_xlim(0, 1)
    return figure


def layer_errors(errors):
    """Signal-to-noise ratio of each result of the int8 file, in the order of execution."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
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
