"""Published weights: where they are, their licence, what they were trained on, and their accuracy."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from keras_cnns.support.validation import text_of

SOURCES = ("keras", "torchvision", "timm", "yolox")
LISTS = ("range", "mean", "std")  # tuples here, lists in JSON


@dataclass(frozen=True)
class Published:
    """One set of weights, as its publisher describes it.

    Args:
      address: where the file is.
      digest: "sha256:..." or "md5:...", or as many digits as are public (torchvision puts 8 of them into the name);
        `None` if none are.
      licence: of the weights.
      range: what pixels 0..255 become before `mean` and `std` are applied.
      mean, std: of each channel.
      bgr: the channels are blue, green, red.
      size: side of the picture in the evaluation, in pixels.
      crop: the fraction of the resized picture that the central crop takes; `None` if the publisher does not say.
      interpolation: how the picture is resized; `None` if the publisher does not say.
      top1, top5: accuracy on ImageNet's validation set in percent, higher is better; `None` if nobody published it.
      evaluation: who published the accuracy.
    """

    address: str
    digest: str | None
    licence: str
    range: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool
    size: int
    crop: float | None
    interpolation: str | None
    top1: float | None
    top5: float | None
    evaluation: str


def published_set(row: dict[str, Any]) -> Published:
    """A row of the catalog."""
    values: dict[str, Any] = {k: tuple(v) if k in LISTS else v for k, v in row.items()}
    return Published(**values)


@cache
def catalog() -> dict[str, dict[str, Published]]:
    """{name: {publisher: its weights}}; the publishers are those of `SOURCES`."""
    data = json.loads(files(__package__).joinpath("catalog.json").read_text())
    return {name: {source: published_set(row) for source, row in rows.items()} for name, rows in data.items()}


def published(name: str) -> dict[str, Published]:
    """{publisher: its weights} of the network called `name`; empty if nobody publishes any.

    >>> keras_cnns.weights.published("resnet50_v1_5")["torchvision"].top1
    80.858

    Raises:
      BadArgument: the name is not a text.
    """
    return catalog().get(text_of(name, "the name of a network"), {})
