"""The two pictures of a run: how it learned, and what it confuses."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from keras_cnns.files import written_aside

TRAIN, HELD_OUT = "#8a8f98", "#1f5fbf"


def curve(history, path, title=""):
    """Loss and accuracy by epoch, training and held-out, from rows of a run's history."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, key, label in zip(figure.subplots(1, 2), ("loss", "accuracy"), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[key] for row in history], color=TRAIN, marker=".", label="training")
        axes.plot(epochs, [row[f"held_out_{key}"] for row in history], color=HELD_OUT, marker=".", label="held out")
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.axes[0].set_ylim(bottom=0)
    figure.axes[1].yaxis.set_major_formatter(PercentFormatter(1.0))
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
