"""The charts of a run: training curves, confusion matrix, bars per class, precision over recall."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from keras_cnns.support.atomic_files import written_aside

TRAIN, HELD_OUT = "#8a8f98", "#1f5fbf"
LONGEST_NAME = 28  # characters of a class name in a chart
STYLES = ("-", "--", "-.", ":")
NOT_PLOTTED = ("epoch", "step", "learning_rate", "seconds")  # columns of the history


Path = str | PathLike


def curve(history: Sequence[Mapping[str, Any]], path: Path, title: str = "") -> None:
    """Draws each measure of a run's history by epoch, training and held-out data in one panel.

    Args:
      history: one dict per epoch: "epoch", measures such as "loss", and "held_out_loss" for held-out data.
      path: of the .png file.
    """
    names = list(dict.fromkeys(key.removeprefix("held_out_") for key in history[0] if key not in NOT_PLOTTED))
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


def confusion(matrix: Any, names: Sequence[str], path: Path, title: str = "") -> None:
    """Draws a confusion matrix: the shade is the fraction of the true class, the number is the count.

    Args:
      matrix: counts [classes, classes]: rows are true classes, columns predicted ones.
    """
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    few = len(matrix) <= 25
    names = [_label(name, i) for i, name in enumerate(names)]
    side = 1.8 + 0.42 * len(matrix) + 0.08 * max(map(len, names)) if few else 9
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if few:
        axes.set_xticks(range(len(matrix)), names, rotation=90 if max(map(len, names)) > 2 else 0, parse_math=False)
        axes.set_yticks(range(len(matrix)), names, parse_math=False)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                color = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    _save(figure, path, title)


def shortened(text: object, most: int) -> str:
    """The text on one line, truncated in the middle to at most `most` characters."""
    text = " ".join(str(text).split())
    end = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def _label(name: str, number: int) -> str:
    """The class name, shortened; its number if the font lacks some of its letters."""
    from matplotlib import font_manager

    name = shortened(name, LONGEST_NAME)
    known = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    return name if name and all(ord(letter) in known for letter in name) else f"#{number}"


def _save(figure: Figure, path: Path, title: str) -> None:
    figure.suptitle(shortened(title, round(9 * figure.get_figwidth())), parse_math=False)
    FigureCanvasAgg(figure)
    with written_aside(path) as temporary:
        figure.savefig(temporary, dpi=120)


def bars(values: Mapping[str, float | None], path: Path, title: str, label: str) -> None:
    """Draws a bar from 0 to 1 for each name; None leaves a gap."""
    names = [_label(name, i) for i, name in enumerate(values)]
    height = 3.2 + 0.08 * max(map(len, names)) if max(map(len, names)) > 2 else 3.2
    figure = Figure(figsize=(max(4.0, 1.5 + 0.35 * len(values)), height), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(values)), [value or 0.0 for value in values.values()], color=HELD_OUT)
    axes.set_xticks(range(len(values)), names, rotation=90 if max(map(len, names)) > 2 else 0, parse_math=False)
    axes.set_ylim(0, 1)
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path, title)


def precision_recall(curves: Mapping[str, Any], path: Path, title: str) -> None:
    """Draws precision over recall, one line per class.

    Args:
      curves: {class: precision at equally spaced recalls from 0 to 1, or None for a class without a curve}.
    """
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    axes = figure.subplots()
    shades = colormaps["viridis"](np.linspace(0, 0.85, len(curves)))  # they differ in grey, too
    for number, (name, precision) in enumerate(curves.items()):
        if precision is not None:
            recall = np.linspace(0, 1, len(precision))
            axes.plot(recall, precision, STYLES[number % len(STYLES)], label=name, color=shades[number], linewidth=1.3)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) <= 30:
        axes.legend(frameon=False, fontsize=7, ncols=2 if len(curves) > 12 else 1, loc="lower left")
    _save(figure, path, title)


def counts(values: Mapping[str, int], path: Path, title: str, label: str) -> None:
    """Draws a horizontal bar with its number for each name; `label` says what is counted."""
    figure = Figure(figsize=(5.2, 1.0 + 0.36 * len(values)), layout="constrained")
    axes = figure.subplots()
    bar_container = axes.barh(list(values)[::-1], list(values.values())[::-1], color=HELD_OUT)
    axes.bar_label(bar_container, padding=3, fontsize=8)
    axes.margins(x=0.12)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path, title)
