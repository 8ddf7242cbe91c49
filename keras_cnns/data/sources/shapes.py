"""Drawn scenes for detection and segmentation: handwritten digits printed on cards, with exact boxes and masks.

A scene holds a few cards (discs, squares, triangles) of different sizes and angles over a textured, cluttered
background, some partly covered by others. Each card shows a digit, and that digit is its class. Scene number n of a
split is a pure function of n, so every machine has the same data without a download. The digits of the test scenes are
in no training scene.
"""

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from keras_cnns.data.sources import digits
from keras_cnns.data.sources.sample import BACKGROUND, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UnreadableFile

NAME = "scenes"
CLASSES = digits.CLASSES
MOST = 8  # cards in a scene
COUNTS = {"train": 4000, "test": 500}
SHAPES = ("disc", "square", "triangle")
SMALLEST, LARGEST = 0.16, 0.45  # a card's diameter as a share of the picture's shorter side
VISIBLE = 0.7  # fraction of a printed digit; a card that would cover more of an earlier digit is left out
SEEDS = {"train": 1, "test": 2}
SIZE = (128, 128)
KEPT = 6000  # scenes that stay in memory once drawn, 64 kB each at 128 pixels


def open_scenes(split: str, target: str, size: tuple[int, int] = SIZE) -> Source:
    """The scenes of a split, drawn at `size` (height, width).

    Raises:
      UserError: there is no such split.
    """
    if split not in COUNTS:
        raise UnreadableFile(f"{NAME} has no split {split!r}: it has {', '.join(COUNTS)}.")
    names = tuple(str(digit) for digit in range(CLASSES))
    unused: dict[str, Any] = {"boxes": None} if target == "mask" else {"mask": None}
    return Source(
        names=(BACKGROUND, *names) if target == "mask" else names,
        count=COUNTS[split],
        read=lambda number: replace(_kept(int(number), split, size), **unused),
        where=lambda number: f"scene {number} of {split}",
        most_boxes=MOST,
    )


def scene(number: int, split: str = "train", size: tuple[int, int] = SIZE) -> Sample:
    """Scene `number` of a split, `size` (height, width) pixels.

    Returns:
      A `Sample` with a box around the visible part of each card, and a mask that is 0 for the background and 1 + class
      for the pixels of a card.
    """
    rng = np.random.default_rng([SEEDS[split], number])
    height, width = size
    image, owner = _background(rng, height, width), np.zeros((height, width), np.int64)
    _clutter(image, rng)
    images, labels = _digits()[split]
    classes: list[int] = []
    prints: list[np.ndarray] = []
    for _ in range(rng.integers(0, MOST + 1)):
        chosen = rng.integers(len(labels))
        inside, printed, colours = _card(rng, height, width, images[chosen, :, :, 0])
        beneath = owner.copy()
        owner[inside] = len(classes) + 1
        if any((owner[p] == n).sum() < VISIBLE * p.sum() for n, p in enumerate(prints, start=1)):
            owner = beneath
            continue
        image[inside] = colours[inside]
        classes.append(int(labels[chosen]))
        prints.append(printed)
    image += rng.normal(0, rng.uniform(0, 8), image.shape)  # the camera's noise
    return _scene(image, owner, np.array(classes, np.int64))


def _scene(image: np.ndarray, owner: np.ndarray, classes: np.ndarray) -> Sample:
    boxes = np.zeros((len(classes), 4), np.float32)
    for number in range(len(classes)):
        y, x = np.nonzero(owner == number + 1)
        boxes[number] = x.min(), y.min(), x.max() + 1, y.max() + 1
    mask = np.concatenate([[0], classes + 1])[owner].astype(np.uint8)
    picture = np.clip(np.round(image), 0, 255).astype(np.uint8)
    return Sample(picture, boxes=boxes, classes=classes, mask=mask)


_kept = lru_cache(maxsize=KEPT)(scene)


@cache
def _digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return digits.arrays()


def _background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A gradient between two colours with waves over it, float64 [H, W, 3]."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    a, b = rng.uniform(20, 235, (2, 3))
    image = a + (b - a) * ((along - along.min()) / max(np.ptp(along), 1e-9))[..., None]
    turn = rng.uniform(0, 2 * np.pi)
    waves = np.sin(2 * np.pi * rng.uniform(2, 14) * (np.cos(turn) * x + np.sin(turn) * y) + rng.uniform(0, 6))
    return image + rng.uniform(0, 25) * waves[..., None]


def _clutter(image: np.ndarray, rng: np.random.Generator) -> None:
    """Lines and spots that are no cards."""
    height, width, _ = image.shape
    y, x = np.mgrid[:height, :width]
    for _ in range(rng.integers(0, 10)):
        colour = rng.uniform(0, 255, 3)
        px, py, angle = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, np.pi)
        along = (x - px) * np.cos(angle) + (y - py) * np.sin(angle)
        across = (y - py) * np.cos(angle) - (x - px) * np.sin(angle)
        long, thick = rng.uniform(0.02, 0.3) * width, rng.uniform(0.5, 2.5)
        image[(np.abs(along) < long) & (np.abs(across) < thick)] = colour


def _card(
    rng: np.random.Generator, height: int, width: int, digit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(where a card lies, bool [H, W]; where its digit is printed, bool [H, W]; its colours, float64 [H, W, 3])."""
    side = min(height, width)
    radius = 0.5 * side * np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
    cx, cy = (rng.uniform(0.7 * radius, length - 0.7 * radius) for length in (width, height))
    angle = rng.uniform(-0.5, 0.5)
    y, x = np.mgrid[:height, :width]
    x, y = x + 0.5 - cx, y + 0.5 - cy
    u, v = (np.cos(angle) * x + np.sin(angle) * y) / radius, (np.cos(angle) * y - np.sin(angle) * x) / radius
    shape = SHAPES[rng.integers(len(SHAPES))]
    if shape == "disc":
        inside, room, middle = u**2 + v**2 < 1, 0.62, 0.0
    elif shape == "square":
        inside, room, middle = np.maximum(np.abs(u), np.abs(v)) < 0.86, 0.72, 0.0
    else:
        inside, room, middle = (v < 0.75) & (v > 1.9 * np.abs(u) - 1.0), 0.46, 0.22
    paper = rng.uniform(0, 255, 3)
    ink = paper + (110 + rng.uniform(0, 60)) * (1 if paper.mean() < 128 else -1)
    grain = rng.uniform(0, 12) * np.sin(u * rng.uniform(3, 25) + v * rng.uniform(3, 25))
    u, v = u / room, (v - middle) / room
    amount = _printed(digit / 255.0, u, v)[..., None]
    colours = paper + grain[..., None] + amount * (ink - paper)
    return inside, inside & (np.maximum(np.abs(u), np.abs(v)) < 1), np.clip(colours, 0, 255)


def _printed(digit: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How much ink there is at (u, v): the digit stretched over -1 .. 1, its pixels interpolated; none outside."""
    rows, columns = digit.shape
    padded = np.pad(digit, 1)
    y = np.clip((v + 1) / 2 * rows - 0.5 + 1, 0, rows + 0.999)
    x = np.clip((u + 1) / 2 * columns - 0.5 + 1, 0, columns + 0.999)
    top, left = y.astype(int), x.astype(int)
    y, x = y - top, x - left
    upper = padded[top, left] * (1 - x) + padded[top, left + 1] * x
    lower = padded[top + 1, left] * (1 - x) + padded[top + 1, left + 1] * x
    return np.clip(1.6 * (upper * (1 - y) + lower * y), 0, 1)
