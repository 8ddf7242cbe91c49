"""The command `keras-cnns figure`: figures for teaching."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_cnns.cli.insight import Open, show_files
from keras_cnns.support.console import Json
from keras_cnns.support.errors import BadArgument, UserError, nearest

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

KINDS = ("field", "connections", "pooling", "degradation", "augmented")
SUFFIXES = (".png", ".svg", ".pdf")


def figure(
    kind: str,
    what: tuple[str, ...] = (),
    /,
    *,
    layer: str | None = None,
    window: int = 8,
    out: str | None = None,
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Draws a figure for teaching.

    Args:
        kind: field (growth of receptive fields), connections (which maps a convolution sees: the blocks of groups),
            pooling (kinds side by side), degradation (runs of plain and residual networks), augmented (the pictures
            that training sees)
        what: field: names or .keras files; connections: a name or a .keras file; pooling: a picture; degradation:
            folders of runs; augmented: a recipe
        layer: layer to draw, for connections; by default the first with groups
        window: size of the windows in pixels, for pooling
        out: the .png, .svg or .pdf file; by default runs/figures/KIND.png
        open_: show the figure
    """
    if kind not in KINDS:
        raise BadArgument(f"there is no figure {kind!r}.{nearest(kind, KINDS)} Choose from {', '.join(KINDS)}.")
    if layer is not None and kind != "connections":
        raise UserError(f"--layer is for connections: leave it out for {kind}.")
    path = Path(out or f"runs/figures/{kind}.png")
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    from keras_cnns.insight.figures import draw

    drawing, title = MAKERS[kind](what, layer, window)
    draw.save(drawing, path, title)
    show_files([path], open_, as_json)


def _field(names: Sequence[str], layer: str | None, window: int) -> tuple["Figure", str]:
    from keras_cnns.insight.figures.field import growth
    from keras_cnns.profiling.layer_table import profile

    if not names:
        raise BadArgument("field needs a network: give one or more names or .keras files.")
    return growth({Path(name).stem: profile(_network(name)) for name in names}), "How receptive fields grow"


def _connections(names: Sequence[str], layer: str | None, window: int) -> tuple["Figure", str]:
    from keras_cnns.insight.figures.connections import connections

    name = _only(names, "connections", "network")
    return connections(_network(name), layer), f"{Path(name).stem}: which maps see which"


def _pooling(names: Sequence[str], layer: str | None, window: int) -> tuple["Figure", str]:
    from keras_cnns.data.pictures import read_picture
    from keras_cnns.insight.figures.pooling import pooling

    if not 2 <= window <= 112:
        raise UserError(f"window is {window}: give 2 to 112 pixels.")
    name = _only(names, "pooling", "picture")
    picture = read_picture(name, (224, 224, 3)) / 255
    return pooling(picture, window), f"Pooling of {Path(name).name} by {window} x {window}"


def _degradation(names: Sequence[str], layer: str | None, window: int) -> tuple["Figure", str]:
    from keras_cnns.insight.figures.degradation import USUAL, degradation, histories

    runs, missing = histories(names or USUAL)
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    title = f"Degradation: error by epoch, {len(runs)} of {len(runs) + len(missing)} runs"
    return degradation(runs), title


def _augmented(names: Sequence[str], layer: str | None, window: int) -> tuple["Figure", str]:
    from keras_cnns.insight.figures.augmented import augmented
    from keras_cnns.training.script import find_recipe

    name = _only(names, "augmented", "recipe")
    recipe = find_recipe(name)
    return augmented(recipe), f"What training sees: {Path(name).stem}, {recipe.dataset}"


MAKERS = {
    "field": _field,
    "connections": _connections,
    "pooling": _pooling,
    "degradation": _degradation,
    "augmented": _augmented,
}


def _only(names: Sequence[str], kind: str, what: str) -> str:
    if len(names) != 1:
        raise UserError(f"{kind} draws one {what}: give one, not {len(names) or 'none'}.")
    return names[0]


def _network(name: str) -> "keras.Model":
    if Path(name).suffix == ".tflite":
        raise UserError(f"{name} is a .tflite file: give the name of a network or a .keras file.")
    if Path(name).suffix == ".keras":
        from keras_cnns.saving.keras_file import load_model

        return load_model(name)
    from keras_cnns.builder import build

    return build(name)
