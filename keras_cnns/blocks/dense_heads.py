"""Heads of one-stage detectors: the outputs of all levels joined, and the part of a detector that is trained."""

from collections.abc import Sequence
from typing import Any

from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor

DETECTIONS = "detections"  # the name of the last layer of every detector


def joined(maps: Sequence[Tensor], values: int, *, name: str) -> Tensor:
    """The outputs of all levels, [batch, N, values]: level by level, row by row, position by position, box by box.

    Args:
      maps: for each level, [batch, h, w, k * values] where k boxes start from each position.
      values: numbers of each box.
      name: of the layer that joins the levels.

    Example:
      scores = joined([c3, c4, c5], 10, name="logits")  # 3 levels of [1, h, w, 60] -> [1, 6 * sum of h * w, 10]
    """
    flat = [layers.Reshape((-1, values), name=f"{name}_level{n}")(x) for n, x in enumerate(maps, start=1)]
    return layers.Concatenate(axis=1, name=name)(flat) if len(flat) > 1 else flat[0]


def trained_part(model: Any) -> Any:
    """The part of a one-stage detector that is trained: the inputs of its layer "detections". They share their layers.

    Args:
      model: a detector whose last layer is called "detections" and takes the image as its last argument, as
        `layers.DenseDetections` does.

    Returns:
      A `keras.Model` from the image to a list of the other arguments of that layer: of `layers.DenseDetections` the
      scores [batch, N, K], the deltas [batch, N, 4] and a list of the levels.

    Example:
      scores, deltas, levels = trained_part(build("retinanet"))([images], training=True)
    """
    *raw, _ = calls_of(model.get_layer(DETECTIONS))[0].arguments.args
    return keras.Model(model.inputs, raw, name="trained_part")
