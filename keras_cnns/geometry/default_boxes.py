"""Default boxes: what the positions of an SSD start from. Liu et al. 2015, 1512.02325, section 2.2."""

from collections.abc import Sequence

import numpy as np

from keras_cnns.geometry.anchors import centred
from keras_cnns.support.lazy_imports import ops
from keras_cnns.support.types import Tensor


def sides(scale: float, next_scale: float, ratios: Sequence[float]) -> np.ndarray:
    """Width and height of the default boxes of one level as fractions of the picture, float32 [2 + 2 * ratios, 2].

    A square of the level's scale, a square between this and the next level's scale, and for each ratio a wide and a
    high box.

    Example:
      sides(0.2, 0.4, (2, 3))  # [6, 2]
    """
    between = np.sqrt(scale * next_scale)
    shapes = [(scale, scale), (between, between)]
    for ratio in ratios:
        long, short = scale * np.sqrt(ratio), scale / np.sqrt(ratio)
        shapes += [(long, short), (short, long)]
    return np.minimum(np.array(shapes, "float64"), 1.0).astype("float32")


def default_boxes(
    levels: Sequence[Tensor],
    image: Tensor,
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    steps: Sequence[float] = (),
) -> list[Tensor]:
    """The default boxes of each level, float32 [h * w * k, 4], position by position, row by row.

    Args:
      levels: feature maps [batch, h, w, channels], of which only the sizes are read.
      image: [batch, height, width, channels], of which only the size is read.
      scales: of the levels, as fractions of the picture's sides, and one more after the last.
      ratios: for each level, the long side / the short side of its boxes that are not square.
      steps: for each level, the pixels between neighbouring positions. Default: the picture's size / the level's.

    Returns:
      boxes (x1, y1, x2, y2) in pixels; they may reach over the border of the picture.

    Example:
      default_boxes(levels, image, (0.1, 0.4, 0.9), ((2,), (2, 3)))  # two levels, [4 * h * w, 4] and [6 * h * w, 4]
    """
    size = [ops.cast(n, "float32") for n in ops.shape(image)[1:3]]
    boxes = []
    for number, (level, own) in enumerate(zip(levels, ratios, strict=True)):
        height, width = ops.shape(level)[1:3]
        stride = [
            ops.cast(steps[number], "float32") if steps else pixels / ops.cast(positions, "float32")
            for pixels, positions in zip(size, (height, width), strict=True)
        ]
        shapes = ops.convert_to_tensor(sides(scales[number], scales[number + 1], own))
        pixels = ops.stack([shapes[:, 0] * size[1], shapes[:, 1] * size[0]], axis=-1)
        boxes.append(centred(height, width, stride, ops.concatenate([-pixels, pixels], axis=-1) / 2))
    return boxes
