"""A self-contained HTML file: text by jinja2, embedded pictures, plain CSS for screens and paper."""

import base64
import io
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as Pillow

from keras_cnns.support.atomic_files import write_text


@dataclass(frozen=True)
class Image:
    """An embedded picture.

    Attributes:
      source: data URL.
      alt: description for readers who do not see it.
      caption: text below the picture.
      width: CSS pixels, if there is room; 0: as wide as its container.
    """

    source: str
    alt: str
    caption: str
    width: int = 0


@dataclass(frozen=True)
class Table:
    """A table. `facts`: rows of name and value without a head; `folded`: closed until the reader opens it."""

    caption: str
    head: tuple
    rows: list
    facts: bool = False
    folded: bool = False


@dataclass
class Section:
    """A section of the report. `missing` lists what could not be shown, and why."""

    id: str
    title: str
    lines: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    images: list = field(default_factory=list)
    tables: list = field(default_factory=list)
    thumbnails: list = field(default_factory=list)


def write(path: str | os.PathLike[str], template: str, **values: Any) -> None:
    """Renders a template of templates/ to `path`. The values are escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("keras_cnns.insight.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    write_text(path, environment.get_template(template).render(values))


def of_figure(figure: Figure, alt: str, caption: str, *, dpi: int = 150) -> Image:
    """A matplotlib figure as an `Image`."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, facecolor="white")
    width = round(100 * figure.get_figwidth())
    return Image(_address(Pillow.open(file).convert("RGB").quantize(128)), alt, caption, width)


def of_pixels(pixels: np.ndarray, alt: str, caption: str, *, side: int = 144) -> Image:
    """Pixels [h, w, 1 or 3] in 0 .. 1 as an `Image` of about `side` pixels."""
    pixels = (np.clip(pixels, 0, 1) * 255).astype("uint8")
    picture = Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    factor = side / max(picture.size)
    kind = Pillow.Resampling.NEAREST if factor > 2 else Pillow.Resampling.LANCZOS
    picture = picture.resize([max(1, round(n * factor)) for n in picture.size], kind)
    return Image(_address(picture.convert("RGB").quantize(64)), alt, caption)


def _address(picture: Pillow.Image) -> str:
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
