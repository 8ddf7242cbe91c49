"""The deconvnet: what in the picture made a unit fire. Zeiler & Fergus 2013, 1311.2901, section 2.1.

From one activation back to pixels: a pooling puts a value back where its maximum was (its switch), a rectifier lets
only the positive through, a convolution is transposed, without its bias. All but the rectifier are what backpropagation
does, and normalizations go back as the linear maps they are there.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.insight.network import Network, batches
from keras_cnns.insight.targets import Unit
from keras_cnns.profiling.receptive_field import fields


def deconvnet(model, pictures, unit, *, batch=BATCH):
    """A unit's activation projected back to pixels, all others of its layer set to zero.

    Args:
      model, pictures: as in `grad_cam`.
      unit: a `Unit` of `targets.py`: layer, channel, and position (None: where the picture excites it most).

    Returns:
      [n, h, w, c], on the scale of the picture's own numbers.

    Raises:
      UserError: there is no such layer, channel or position, or the pictures do not fit.
    """

    return by_batch(
        model, pictures, unit, lambda net, x, unit: net.gradient(x, _Itself(unit), rule=rectified)[1], batch=batch
    )


class _Itself:
    """A target whose gradient begins with its own activation instead of 1."""

    def __init__(self, unit):
        self.unit, self.layer = unit, getattr(unit, "layer", None)

    def __call__(self, outputs):
        activation = self.unit(outputs)
        return activation * tf.stop_gradient(activation)


def rectified(x, y):
    """A rectifier's output, whose gradient is the positive part of what comes back, whatever went forward."""

    @tf.custom_gradient
    def passed(x):
        return tf.identity(tf.stop_gradient(y)), tf.nn.relu

    return passed(x)


@dataclass(frozen=True)
class Activation:
    """A strong activation: of which picture, how strong, where in the map, and the window of the picture that it sees.

    window: (top, left, bottom, right) in pixels, inside the picture; None where the receptive field is not known.
    """

    picture: int
    value: float
    position: tuple
    window: tuple | None


def top_activations(model, pictures, layer, channel, *, count=9, batch=BATCH):
    """The `count` pictures that excite a channel most, strongest first, each once (Fig. 2 of the paper)."""
    network = model if isinstance(model, Network) else Network(model)
    number = network.calls.find(layer)
    found = []
    for start, some in batches(network, pictures, batch):
        value = network.run(some, last=number)[0]
        Unit(layer, channel)(value)  # says so where there is no such channel
        maps = np.asarray(value)[..., channel]
        flat = maps.reshape(len(maps), -1)
        best = flat.argmax(1)
        found += [
            (float(row[b]), start + i, tuple(int(p) for p in np.unravel_index(b, maps.shape[1:])))
            for i, (row, b) in enumerate(zip(flat, best, strict=True))
        ]
        sizes = some.shape[1:3]
    field = fields(network.calls)[number]
    best = sorted(found, key=lambda f: (-f[0], f[1]))[:count]
    return [Activation(picture, value, at, _window(field, at, sizes)) for value, picture, at in best]


def _window(field, position, sizes):
    if field is None or len(field) != 2:
        return None
    edges = []
    for f, p, n in zip(field, position or (0, 0), sizes, strict=True):
        edges.append((max(0, f.low + p * f.jump), min(n, f.high + p * f.jump + 1)))
    (top, bottom), (left, right) = edges
    return tuple(int(round(edge)) for edge in (top, left, bottom, right))
