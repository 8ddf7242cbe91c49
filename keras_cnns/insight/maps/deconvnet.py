"""The deconvnet: what in the picture activated a unit. Zeiler & Fergus 2013, 1311.2901, section 2.1.

From one activation back to pixels: a pooling puts a value back where its maximum was (its switch), a rectifier passes
positive values only, a convolution is transposed, without its bias. Except for the rectifier this is backpropagation;
a normalization goes back as the linear map that it is in inference.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.arguments import layer_name, whole_number
from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.insight.maps.inspected_model import InspectedModel, batches, inspected
from keras_cnns.insight.maps.targets import Target, Unit
from keras_cnns.profiling.receptive_field import fields


def deconvnet(
    model: keras.Model | InspectedModel, pictures: np.ndarray, unit: Target, *, batch: int = BATCH
) -> np.ndarray:
    """The activation of a unit projected back to pixels, with all others of its layer set to zero.

    Args:
      model, pictures: as in `grad_cam`.
      unit: a `Unit`: layer, channel, and position (None: where the picture activates it most).
      batch: number of pictures that are computed together.

    Returns:
      float32 [n, h, w, c], on the scale of the picture's own numbers.

    Raises:
      UserError: there is no such layer, channel or position, or the pictures do not fit.

    >>> projections = insight.deconvnet(model, pictures, insight.Unit("conv3", 7))
    """
    return by_batch(
        model,
        pictures,
        unit,
        lambda network, x, unit: network.gradient(x, _TimesItself(unit), rule=rectified)[1],
        batch=batch,
    )


class _TimesItself:
    """A target whose gradient begins with its own activation instead of 1."""

    def __init__(self, unit: Target) -> None:
        self.unit, self.layer = unit, getattr(unit, "layer", None)

    def __call__(self, outputs: Any) -> tf.Tensor:
        activation = self.unit(outputs)
        return activation * tf.stop_gradient(activation)


def rectified(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """A rectifier's output, which passes positive gradients whatever its input was."""

    @tf.custom_gradient
    def passed(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return tf.identity(tf.stop_gradient(y)), tf.nn.relu

    return passed(x)


@dataclass(frozen=True)
class Activation:
    """A strong activation of a channel.

    picture: number of the picture. value: the activation. position: (row, column) in the map. window: (top, left,
    bottom, right) of what it sees in the picture, in pixels; None where the receptive field is not known.
    """

    picture: int
    value: float
    position: tuple
    window: tuple | None


def top_activations(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    layer: str,
    channel: int,
    *,
    count: int = 9,
    batch: int = BATCH,
) -> list[Activation]:
    """The `count` pictures that activate a channel most, strongest first, each once (Fig. 2 of the paper).

    Args:
      model, pictures, batch: as in `grad_cam`.
      layer, channel: the name of the layer and the number of its channel.
      count: how many pictures at most.

    Raises:
      UserError: there is no such layer or channel, or the pictures do not fit.

    >>> insight.top_activations(model, pictures, "conv3_2_relu", 7, count=4)[0].picture
    """
    network, count = inspected(model), whole_number("count", count)
    number, batch = network.calls.find(layer_name(layer)), whole_number("batch", batch)
    strongest = []  # (value, number of the picture, position)
    for start, batch_pictures in batches(network, pictures, batch):
        value = network.run(batch_pictures, last=number)[0]
        network.check(Unit(layer, channel), value)
        maps = np.asarray(value)[..., channel]
        for i, flat in enumerate(maps.reshape(len(maps), -1)):
            position = tuple(int(p) for p in np.unravel_index(flat.argmax(), maps.shape[1:]))
            strongest.append((float(flat.max()), start + i, position))
        sizes = batch_pictures.shape[1:3]
    field = fields(network.calls)[number]
    best = sorted(strongest, key=lambda entry: (-entry[0], entry[1]))[:count]
    return [Activation(picture, value, at, _window(field, at, sizes)) for value, picture, at in best]


def _window(field: Any, position: tuple, sizes: tuple) -> tuple[int, ...] | None:
    if field is None or len(field) != 2:
        return None
    edges = []
    for f, p, n in zip(field, position or (0, 0), sizes, strict=True):
        edges.append((max(0, f.low + p * f.jump), min(n, f.high + p * f.jump + 1)))
    (top, bottom), (left, right) = edges
    return tuple(int(round(edge)) for edge in (top, left, bottom, right))
