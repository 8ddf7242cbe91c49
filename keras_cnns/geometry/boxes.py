"""Boxes: overlap, encoding relative to other boxes, clipping. Girshick et al. 2014, 1311.2524, appendix C.

A box is (x1, y1, x2, y2) in pixels of the picture. x2 and y2 are exclusive: the area is (x2 - x1) * (y2 - y1).
"""

import math
from collections.abc import Sequence

from keras_cnns.support.lazy_imports import keras, ops
from keras_cnns.support.types import Tensor

CODED = "center_xywh"  # (dx, dy, dw, dh), the order of the papers
MAX_GROWTH = math.log(1000 / 16)  # largest log(side / side of the reference) in `decode`: exp must not overflow


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every pair: [..., N, 4] and [..., M, 4] -> [..., N, M]. 0 if a box has no area."""
    return keras.utils.bounding_boxes.compute_iou(a, b, "xyxy")


def encode(boxes: Tensor, references: Tensor, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """The deltas (t_x, t_y, t_w, t_h) of boxes [..., N, 4] relative to references [..., N, 4], times `weights`.

    The weights scale the targets of a layer to about unit variance: (10, 10, 5, 5) in the heads of Fast R-CNN (Girshick
    2015, 1504.08083, section 2.3), 1 in a region proposal network.
    """
    deltas = keras.utils.bounding_boxes.encode_box_to_deltas(
        references, boxes, anchor_format="xyxy", box_format="xyxy", encoding_format=CODED
    )
    return deltas * ops.convert_to_tensor(weights, deltas.dtype)


def decode(deltas: Tensor, references: Tensor, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """The boxes [..., N, 4] of these deltas: the inverse of `encode`. A side grows by at most exp(MAX_GROWTH)."""
    deltas = deltas / ops.convert_to_tensor(weights, deltas.dtype)
    deltas = ops.concatenate([deltas[..., :2], ops.minimum(deltas[..., 2:], MAX_GROWTH)], axis=-1)
    return keras.utils.bounding_boxes.decode_deltas_to_boxes(
        references, deltas, anchor_format="xyxy", box_format="xyxy", encoded_format=CODED
    )


def clip(boxes: Tensor, height: int | Tensor, width: int | Tensor) -> Tensor:
    """Clips boxes [..., 4] to a picture of height x width pixels. A box outside becomes a box without area."""
    limits = ops.cast(ops.stack([width, height, width, height]), boxes.dtype)
    return ops.minimum(ops.maximum(boxes, 0), limits)


def intersection(a: Tensor, b: Tensor) -> Tensor:
    """The area, in square pixels, that boxes [..., 4] share with those at the same place in `b`: [...]."""
    low, high = ops.maximum(a[..., :2], b[..., :2]), ops.minimum(a[..., 2:], b[..., 2:])
    return ops.prod(ops.maximum(high - low, 0.0), axis=-1)


def area(boxes: Tensor) -> Tensor:
    """Area in square pixels: [..., 4] -> [...]."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
