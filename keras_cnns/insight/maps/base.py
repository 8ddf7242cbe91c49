"""What the methods share: pictures in batches, a target for each, and the layer whose map is shown."""

import numpy as np
import tensorflow as tf
from keras import tree

from keras_cnns.insight import targets
from keras_cnns.insight.network import Network, checked
from keras_cnns.support.errors import UserError

BATCH = 32


def by_batch(model, pictures, target, one_batch, *, batch=BATCH, settled=False):
    """`one_batch(network, pictures, target)` for each batch, joined: an array with a row for each picture.

    model: a functional Keras model, or a `Network` made of one. settled: the target is first told what the network
    answers to the unchanged pictures.
    """
    network = model if isinstance(model, Network) else Network(model)
    pictures, target = checked(pictures, network.shape, network.model.name), targets.of(target)
    found = []
    for start in range(0, len(pictures), batch):
        some = tf.constant(pictures[start : start + batch])
        wanted = targets.part(target, start, start + batch, len(pictures))
        if settled and getattr(wanted, "index", 0) is None:
            wanted = targets.settle(wanted, network.run(some)[0])
        found.append(np.asarray(one_batch(network, some, wanted)))
    return np.concatenate(found)


def map_layer(network, target, layer=None):
    """The number of the call whose maps are weighed: of `layer`, or the last maps before the target's vector.

    Raises:
      UserError: there is no such layer, it has no maps, or the model has none.
    """
    calls = network.calls
    if layer is not None:
        number = calls.find(layer)
        if not _is_map(calls[number].outputs[0]):
            shape = calls[number].shape
            raise UserError(f"layer {layer!r} gives {shape}, no maps: choose one of height, width and channels.")
        return number
    last = network.last(target)
    ref = calls[last].outputs[0] if last is not None else output_of(calls, target)
    through = not _is_map(ref)  # what asks of a map itself is explained by the maps before its last convolution
    learned: set = set()  # calls behind a convolution: a detector's end also takes the picture itself, for its size
    for number, call in enumerate(calls):
        if hasattr(call.operation, "kernel") or any(r.call in learned for r in call.inputs):
            learned.add(number)
    while calls[ref.call].inputs:
        call = calls[ref.call]
        if through and _is_map(ref):
            return ref.call
        through = through or hasattr(call.operation, "kernel")
        ref = max(
            call.inputs, key=lambda r: (r.call in learned, _is_map(r) and np.prod([n or 1e4 for n in r.shape[1:3]]))
        )
    raise UserError(f"{network.model.name} has no convolutional maps: this method needs some.")


def output_of(calls, target):
    """The `Ref` of the output that a target asks of. Raises UserError where there is none."""
    return tree.flatten(targets.pick(calls.result, getattr(target, "output", None)))[0]


def _is_map(ref):
    """More than one position, in rows and columns."""
    return len(ref.shape) == 4 and ref.shape[1:3] != (1, 1)


def enlarged(maps, pictures):
    """Maps [n, h, w] at the pictures' size, bilinear."""
    return tf.image.resize(maps[..., None], tf.shape(pictures)[1:3])[..., 0]
