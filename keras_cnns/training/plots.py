"""The two pictures of a run: how it learned, and what it confuses."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from keras_cnns.files import written_aside

TRAIN, HELD_OUT = "#8a8f98", "#1f5fbf"
NO_MEASURES = ("epoch", "step", "learning_rate", "seconds")  # of a row of the history


def curve(history, path, title=""):
    """All that the rows of a run's history tell of training and of held-out pictures, by epoch, a panel for each."""
    names = list(dict.fromkeys(key.removeprefix("held_out_") for key in history[0] if key not in NO_MEASURES))
    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for key, color, label in ((name, TRAIN, "training"), (f"held_out_{name}", HELD_OUT, "held out")):
            if key in history[0]:
                axes.plot(epochs, [row[key] for row in history], color=color, marker=".", label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        if name.endswith("loss"):
            axes.set_ylim(bottom=0)
        else:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _save(figure, path, title)


def confusion(matrix, names, path, title=""):
    """The confusion matrix, rows normalized: shade is the share of the true class, the number is the count."""
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    few = len(matrix) <= 25
    side = 1.8 + 0.42 * len(matrix) if few else 9
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if few:
        axes.set_xticks(range(len(matrix)), names, rotation=90 if max(map(len, map(str, names))) > 2 else 0)
        axes.set_yticks(range(len(matrix)), names)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                color = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    _save(figure, path, title)


def _save(figure, path, title):
    figure.suptitle(title)
    FigureCanvasAgg(figure)
    with written_aside(path) as temporary:
        figure.savefig(temporary, dpi=120)


def bars(values, path, title, label):
    """A bar for each name, from 0 to 1; no bar where the value is None."""
    figure = Figure(figsize=(max(4.0, 1.5 + 0.35 * len(values)), 3.2), layout="constrained")
    axes = figure.subplots()
    axes.bar(list(values), [value or 0.0 for value in values.values()], color=HELD_OUT)
    axes.set_ylim(0, 1)
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", rotation=90 if max(map(len, values)) > 2 else 0)
    _save(figure, path, title)


def precision_recall(curves, path, title):
    """Precision over recall from 0 to 1, a line for each name; none of a name without one."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    axes = figure.subplots()
    for number, (name, precision) in enumerate(curves.items()):
        if precision is not None:
            recall = np.linspace(0, 1, len(precision))
            style = ("-", "--", ":")[number // 10 % 3]
            axes.plot(recall, precision, style, label=name, color=f"C{number % 10}", linewidth=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) <= 30:
        axes.legend(frameon=False, fontsize=7, ncols=2 if len(curves) > 12 else 1, loc="lower left")
    _save(figure, path, title)


def counts(values, path, title):
    """A horizontal bar for each name, its number beside it."""
    figure = Figure(figsize=(5.2, 0.8 + 0.36 * len(values)), layout="constrained")
    axes = figure.subplots()
    bars_ = axes.barh(list(values)[::-1], list(values.values())[::-1], color=HELD_OUT)
    axes.bar_label(bars_, padding=3, fontsize=8)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path, title)
