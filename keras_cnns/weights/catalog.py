"""Published sets of weights: where they are, under which licence, what they were trained on and how good they are."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SOURCES = ("keras", "torchvision", "timm")
LISTS = ("range", "mean", "std")  # tuples here, lists in JSON


@dataclass(frozen=True)
class Published:
    """One set of weights, as its publisher describes it.

    digest: "sha256:..." or "md5:...", as far as it is public (torchvision puts the first 8 digits into the name);
      `None` where it is not.
    range: what pixels 0..255 become before `mean` and `std` are applied. bgr: the channels are blue, green, red.
    size, crop, interpolation: of the evaluation: the picture's side in pixels, the fraction of the resized picture that
      the central crop takes, and how it was resized; `None` where the publisher does not say.
    top1, top5: percent on ImageNet's validation set; evaluation: who published them. `None` where nobody did.
    """

    address: str
    digest: str | None
    licence: str
    range: tuple
    mean: tuple
    std: tuple
    bgr: bool
    size: int
    crop: float | None
    interpolation: str | None
    top1: float | None
    top5: float | None
    evaluation: str


def published_set(row: dict[str, Any]) -> Published:
    values: dict[str, Any] = {k: tuple(v) if k in LISTS else v for k, v in row.items()}
    return Published(**values)


@cache
def catalog() -> dict:
    """For each name: its published weights by source, "keras", "torchvision" or "timm"."""
    data = json.loads(files(__package__).joinpath("catalog.json").read_text())
    return {name: {source: published_set(row) for source, row in rows.items()} for name, rows in data.items()}


def published(name) -> dict[str, Published]:
    """The published weights of the network called `name`, by source; empty where there are none."""
    return catalog().get(name, {})
