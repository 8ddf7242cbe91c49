"""Draws pictures of discs, squares and triangles, with a mask for each, for a first training of `small_segmenter`.

    python benchmarks/shapes.py shapes
    keras-cnns train small_segmenter --dataset folder:shapes --out runs/shapes
    python benchmarks/scenes_int8.py runs/shapes/best.keras --dataset folder:shapes

The folder has `images`, `masks` and `classes.txt`. The pictures have 160 x 120 pixels, a gradient as background, noise,
and one to four shapes in colours that do not tell their class.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("background", "disc", "square", "triangle")
WIDTH, HEIGHT = 160, 120


def draw(rng):
    """One picture, uint8 [H, W, 3], and its mask, uint8 [H, W], with the position in NAMES."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    start, end = rng.uniform(40, 215, (2, 3))
    picture = start + (end - start) * (x / WIDTH)[..., None]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(rng.integers(1, 5)):
        kind, radius, angle = rng.integers(1, len(NAMES)), rng.uniform(12, 28), rng.uniform(0, 2 * np.pi)
        dx, dy = x - rng.uniform(radius, WIDTH - radius), y - rng.uniform(radius, HEIGHT - radius)
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / radius
        v = (np.cos(angle) * dy - np.sin(angle) * dx) / radius
        inside = {
            "disc": u**2 + v**2 < 1,
            "square": np.maximum(np.abs(u), np.abs(v)) < 0.85,
            "triangle": (v < 0.6) & (v > 1.8 * np.abs(u) - 1),
        }[NAMES[kind]]
        picture[inside] = rng.uniform(0, 255, 3)
        mask[inside] = kind
    picture += rng.normal(0, 6, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), mask


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=60)
    flags = parser.parse_args()
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (flags.folder / name).mkdir(parents=True, exist_ok=True)
    (flags.folder / "classes.txt").write_text("\n".join(NAMES) + "\n")
    for number in range(flags.count):
        for name, pixels in zip(("images", "masks"), draw(rng), strict=True):
            Image.fromarray(pixels).save(flags.folder / name / f"{number:03}.png")


if __name__ == "__main__":
    main()
