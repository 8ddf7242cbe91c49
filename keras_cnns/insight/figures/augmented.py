"""Training pictures: the first pictures of a recipe, without augmentation and, below, with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_cnns.data.augment.settings import Augment
from keras_cnns.insight.figures import draw
from keras_cnns.tasks.by_name import of
from keras_cnns.training.recipe import Recipe

ROWS, COLUMNS = 3, 8


def augmented(recipe: Recipe) -> Figure:
    """A figure of the pictures of the first training steps, with their class, boxes or mask.

    Raises:
      UserError: the data of the recipe are missing.
    """
    count = ROWS * COLUMNS
    (plain, _), (seen, targets), names = _first(recipe, count)
    figure = Figure(figsize=(COLUMNS * 1.3, ROWS * 2.9 + 0.4), layout="constrained")
    grid = figure.subplots(2 * ROWS, COLUMNS)
    for place in range(count):
        row, column = divmod(place, COLUMNS)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        draw.show(above, plain[place] / 255)
        draw.show(below, seen[place] / 255)
        caption = _draw_target(below, {key: value[place] for key, value in targets.items()}, names)
        above.set_title(draw.plain(caption), fontsize=7, pad=2)
        for axes in (above, below):
            axes.set_xticks([])
            axes.set_yticks([])
    for row in range(ROWS):
        grid[2 * row, 0].set_ylabel("as it is", fontsize=7)
        grid[2 * row + 1, 0].set_ylabel("as trained on", fontsize=7)
    height, width, _ = recipe.input_shape
    figure.supxlabel(f"{width} x {height} pixels each; {_settings(recipe.augment)}", fontsize=8)
    return figure


def _first(recipe: Recipe, count: int) -> tuple[Any, Any, Sequence[Any]]:
    """(pictures, targets) of the same examples without and with augmentation, and the class names."""
    batches = []
    for augment in (Augment(crop=_steady(recipe.augment), crop_fraction=recipe.augment.crop_fraction), recipe.augment):
        data = of(recipe.but(augment=augment)).load("train", count)
        images, targets = next(iter(data.dataset))
        targets = targets if isinstance(targets, dict) else {"target": targets}
        batches.append((np.asarray(images), {key: np.asarray(value) for key, value in targets.items()}))
    without, augmented_batch = batches
    return without, augmented_batch, data.names


def _steady(how: Augment) -> str:
    return "whole" if how.crop == "whole" else "centre"


def _draw_target(axes: Axes, target: Mapping[str, np.ndarray], names: Sequence[Any]) -> str:
    """Draws boxes or a mask over the picture, and returns the names of its classes."""
    if "boxes" in target:
        boxes, classes = (target[key][: target["count"]] for key in ("boxes", "classes"))
        for left, top, right, bottom in boxes:
            for colour, width in (("white", 1.6), ("black", 0.6)):
                corner, sides = (left - 0.5, top - 0.5), (right - left, bottom - top)
                axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=colour, linewidth=width))
        return ", ".join(str(names[c]) for c in classes)[:18]
    answer = target["target"]
    if answer.ndim == 2:
        axes.contour(answer > 0, levels=[0.5], colors=["white"], linewidths=0.8)
        return ", ".join(str(names[c]) for c in np.unique(answer) if c)[:18]
    if answer.ndim == 0:
        return str(names[int(answer)])[:18]
    best = [c for c in np.argsort(-answer)[:2] if answer[c] > 0.01]
    return ", ".join(f"{str(names[c])[:8]} {answer[c]:.0%}" if answer[c] < 0.995 else str(names[c])[:18] for c in best)


def _settings(how: Augment) -> str:
    usual = Augment()
    changed = [name for name in how.__dataclass_fields__ if getattr(how, name) != getattr(usual, name)]
    return ", ".join(f"{name.replace('_', ' ')} {getattr(how, name)}" for name in changed) or "nothing is changed"
