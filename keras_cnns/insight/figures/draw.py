"""Sheets of pictures and maps, with titles, axes and units, readable in greyscale."""

import math
import os
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.untrusted import utf8

SHADES = "viridis"  # grows from dark to light without a turn, so that it prints in grey
SIDE = 2.6  # inches of one picture
CAPTION = 0.2  # inches of a line above a tile


def maps_sheet(
    path: str | os.PathLike[str],
    pictures: np.ndarray,
    maps: np.ndarray,
    *,
    names: Sequence[str],
    title: str,
    unit: str,
    signed: bool = False,
) -> None:
    """Writes a sheet with a row for each picture: the picture, its map with a colour scale, and both blended.

    Args:
      pictures: [n, height, width, 1 or 3] in 0..1.
      maps: [n, height, width].
      names: the title of each row.
      unit: the label of the colour scale.
      signed: whether zero is in the middle of the colour scale.
    """
    rows = len(pictures)
    figure = Figure(figsize=(3 * SIDE + 0.8, rows * (SIDE + 0.35) + 0.5), layout="constrained")
    for (left, middle, right), picture, values, name in zip(
        figure.subplots(rows, 3, squeeze=False), pictures, maps, names, strict=True
    ):
        high = (
            float(np.percentile(np.abs(values), 99.5) if signed else values.max()) or float(np.abs(values).max()) or 1.0
        )
        scale = {"cmap": SHADES, "vmin": -high if signed else min(0.0, float(values.min())), "vmax": high}
        show(left, picture)
        left.set_title(plain(name), fontsize=8, loc="left")
        drawn = middle.imshow(values, **scale)
        figure.colorbar(drawn, ax=middle, shrink=0.85, extend="both" if signed else "neither").set_label(
            unit, fontsize=7
        )
        grey = picture.mean(-1)
        right.imshow(grey, cmap="gray", vmin=0, vmax=1)
        right.imshow(values, alpha=0.25 + 0.5 * np.clip(np.abs(values) / high, 0, 1), **scale)
        for axes in (left, middle, right):
            _pixels(axes)
        left.set_ylabel("row, pixels", fontsize=7)
    for axes in (left, middle, right):
        axes.set_xlabel("column, pixels", fontsize=7)
    save(figure, path, title)


def fine_sheet(
    path: str | os.PathLike[str],
    pictures: np.ndarray,
    fine: np.ndarray,
    *,
    names: Sequence[str],
    title: str,
) -> None:
    """Writes a sheet with a row for each picture: the picture, and a signed value for each pixel and channel."""
    rows = len(pictures)
    figure = Figure(figsize=(2 * SIDE + 0.4, rows * (SIDE + 0.35) + 0.5), layout="constrained")
    for (left, right), picture, values, name in zip(
        figure.subplots(rows, 2, squeeze=False), pictures, fine, names, strict=True
    ):
        show(left, picture)
        show(right, around_grey(values))
        left.set_title(plain(name), fontsize=8, loc="left")
        right.set_title("grey: zero", fontsize=8, loc="left")
        for axes in (left, right):
            _pixels(axes)
        left.set_ylabel("row, pixels", fontsize=7)
    for axes in (left, right):
        axes.set_xlabel("column, pixels", fontsize=7)
    save(figure, path, title)


def tiles_sheet(
    path: str | os.PathLike[str],
    tiles: np.ndarray | Sequence[np.ndarray],
    *,
    title: str,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    unit: str | None = None,
    limits: tuple[float, float] | None = None,
    side: float = 0.9,
) -> None:
    """Writes a sheet of small pictures [h, w] or [h, w, 1 or 3], each with its number or caption.

    unit, limits: label and range of a shared scale, for values that are not pixels.
    """
    count = len(tiles)
    columns = columns or min(count, math.ceil(math.sqrt(count * 1.6)))
    rows = -(-count // columns)
    tiles = [np.squeeze(np.asarray(tile, "float32")) for tile in tiles]
    height, width = (max(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    wide = width * 1.08  # of a place
    tall = height + wide * CAPTION / side  # the caption stands above its tile
    figure = Figure(figsize=(max(columns * side + 0.6, 3.6), rows * side * tall / wide + 0.7), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    low, high = limits or (0, 1)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        left, bottom = column * wide, -(row + 1) * tall
        scale = min(height / tile.shape[0], width / tile.shape[1])  # a smaller window is enlarged to its place
        extent = (left, left + tile.shape[1] * scale, bottom, bottom + tile.shape[0] * scale)
        drawn = axes.imshow(tile, cmap="gray", vmin=low, vmax=high, interpolation="nearest", extent=extent)
        caption = str(place) if captions is None else captions[place]
        axes.text(left, extent[3], plain(caption), fontsize=7, va="bottom", clip_on=False)
    axes.set_xlim(0, columns * wide)
    axes.set_ylim(-rows * tall, 0)
    if unit:
        figure.colorbar(drawn, ax=axes, shrink=0.6, location="right").set_label(unit, fontsize=7)
    height, width = tiles[0].shape[:2]
    same = all(tile.shape == tiles[0].shape for tile in tiles)
    figure.supxlabel(f"each tile {width} x {height} positions" if same else "each tile over its own window", fontsize=7)
    save(figure, path, title)


def show(axes: Axes, picture: np.ndarray) -> None:
    """A picture [h, w, 1 or 3] in 0 .. 1."""
    picture = np.clip(picture, 0, 1)
    axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=1)


def around_grey(values: np.ndarray) -> np.ndarray:
    """Signed values as pixels in 0..1: zero is grey, the 99.5th percentile of the absolute values is black or white."""
    values = np.asarray(values, "float32")
    sizes = np.abs(values[values != 0])  # a projection is zero nearly everywhere
    high = np.percentile(sizes, 99.5) if sizes.size else 1.0
    return np.clip(0.5 + values / (2 * high), 0, 1)


def stretched(values: np.ndarray) -> np.ndarray:
    """Values as pixels in 0..1, each picture scaled to its own range."""
    values = np.asarray(values, "float32")
    low = values.min(axis=(1, 2, 3), keepdims=True)
    high = values.max(axis=(1, 2, 3), keepdims=True)
    return (values - low) / np.maximum(high - low, 1e-12)


def plain(text: str) -> str:
    """The text with dollar signs escaped, which matplotlib would read as mathematics, and what UTF-8 cannot hold."""
    return utf8(text).replace("$", r"\$")


def _pixels(axes: Axes) -> None:
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=4)


def save(figure: Figure, path: str | os.PathLike[str], title: str) -> None:
    """Writes the figure as PNG or SVG, by the path's suffix."""
    figure.suptitle(plain(textwrap.fill(title, int(11 * figure.get_figwidth()))), fontsize=10)
    FigureCanvasAgg(figure)
    with written_aside(path) as temporary:
        figure.savefig(temporary, dpi=110)
