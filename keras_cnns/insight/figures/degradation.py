"""Degradation: a deeper plain network trains worse than a shallow one. He et al. 2015, 1512.03385, Figs. 1 and 6."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_cnns.insight.figures.draw import plain
from keras_cnns.insight.figures.field import SHADES
from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, first_line
from keras_cnns.support.untrusted import read_text

NEEDED = ("epoch", "accuracy", "held_out_accuracy")
USUAL = tuple(f"runs/{name}" for name in ("plain20", "plain56", "resnet20", "resnet56"))
TRAIN = "keras-cnns train resnet_cifar10 --model {}_cifar --out {}"


def histories(folders: Iterable[str | Path]) -> tuple[dict[str, list[dict[str, float]]], list[str]]:
    """({name of the folder: rows of its history}, one message for each folder without a history).

    Raises:
      UserError: none of the folders has a history, or one is damaged.
    """
    rows_of_runs: dict[str, list[dict[str, float]]] = {}
    missing = []
    for folder in map(Path, folders):
        path = folder / "history.csv"
        rows = _rows(path) if path.is_file() else []
        if rows and set(NEEDED) <= rows[0].keys():
            rows_of_runs[folder.name] = rows
        else:
            reason = "has no epoch of a classifier" if path.is_file() else "does not exist"
            missing.append(f"{path} {reason}: {TRAIN.format(folder.name.split('_')[0], folder)}")
    if not rows_of_runs:
        raise BadArgument(f"no run to draw: {missing[0] if missing else 'give the folders of runs'}.")
    return rows_of_runs, missing


def _rows(path: Path) -> list[dict[str, float]]:
    """The rows of a history, NaN where there is no number.

    Raises:
      UnreadableFile: it is damaged.
    """
    try:
        rows = list(csv.DictReader(read_text(path).splitlines()))
        return [{key: float(row[key] or "nan") for key in NEEDED if key in row} for row in rows]
    except UserError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise UnreadableFile(f"{path} is damaged: {first_line(error)}.") from None


def degradation(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """A figure of the error by epoch on the training pictures (left) and on the held-out pictures (right)."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, key, title in (
        (left, "accuracy", "on the pictures trained on"),
        (right, "held_out_accuracy", "on the held-out pictures"),
    ):
        for number, (name, rows) in enumerate(histories.items()):
            epochs, errors = [row["epoch"] for row in rows], [100 * (1 - row[key]) for row in rows]
            dashes = "--" if "plain" in name else "-"
            marker = "osD^v*"[number % 6]
            style = {"color": SHADES[number % len(SHADES)], "marker": marker, "markersize": 4}
            axes.plot(epochs, errors, dashes, label=f"{plain(name)}: {errors[-1]:.1f} %", **style)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8, title="at the end", title_fontsize=8)
    left.set_ylabel("error, %")
    left.set_ylim(bottom=0)
    return figure
