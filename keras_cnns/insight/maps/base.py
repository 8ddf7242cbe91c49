"""What the methods share: pictures in batches, a target for each, and the layer whose maps are weighted."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_cnns.graph.calls import Calls, Ref
from keras_cnns.insight.maps import targets
from keras_cnns.insight.maps.arguments import layer_name, whole_number
from keras_cnns.insight.maps.inspected_model import InspectedModel, checked, inspected
from keras_cnns.support.errors import BadArgument

BATCH = 32
OneBatch = Callable[[InspectedModel, tf.Tensor, targets.Target], np.ndarray]


def by_batch(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: targets.TargetLike,
    one_batch: OneBatch,
    *,
    batch: int = BATCH,
    settled: bool = False,
) -> np.ndarray:
    """`one_batch(network, pictures, target)` for each batch, joined: an array with a row for each picture.

    model: a functional Keras model, or an `InspectedModel` of one. settled: a target of None becomes the class that the
    network answers to the unchanged pictures.

    Raises:
      UserError: pictures, target or batch do not fit, or the network computes values that are not finite.
    """
    network = inspected(model)
    pictures, target = checked(pictures, network.shape, network.model.name), targets.of(target)
    batch = whole_number("batch", batch)
    rows = []
    for start in range(0, len(pictures), batch):
        batch_pictures = tf.constant(pictures[start : start + batch])
        target_here = targets.part(target, start, start + batch, len(pictures))
        if settled:
            target_here = network.settled(target_here, batch_pictures)
        rows.append(np.asarray(one_batch(network, batch_pictures, target_here)))
        if not np.isfinite(rows[-1]).all():
            raise BadArgument(
                f"{network.model.name} computes values that are not finite for these pictures: check its weights and "
                "the range of the pixels."
            )
    return np.concatenate(rows)


def map_layer(network: InspectedModel, target: targets.Target | None, layer: str | None = None) -> int:
    """The number of the call whose maps are weighted: of `layer`, or the last maps before the target's vector.

    Raises:
      UserError: there is no such layer, it has no maps, or the model has none.
    """
    calls = network.calls
    if layer is not None:
        number = calls.find(layer_name(layer))
        if not _is_map(calls[number].outputs[0]):
            shape = calls[number].shape
            raise BadArgument(
                f"layer {layer!r} gives {shape} and not maps: choose a layer of height, width and channels."
            )
        return number
    last = network.last(target)
    ref = calls[last].outputs[0] if last is not None else output_of(calls, target)
    through = not _is_map(ref)  # a target on a map is explained by the maps before that map's last convolution
    learned: set[int] = set()  # calls behind a convolution: the last part of a detector also takes the picture's size
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
    raise BadArgument(
        f"{network.model.name} has no convolutional maps, which this method needs: use occlusion or saliency."
    )


def output_of(calls: Calls, target: targets.Target | None) -> Ref:
    """The output that a target asks of. Raises UserError if there is none."""
    return tree.flatten(targets.pick(calls.result, getattr(target, "output", None)))[0]


def _is_map(ref: Ref) -> bool:
    """Whether the value has rows and columns, and more than one position."""
    return len(ref.shape) == 4 and ref.shape[1:3] != (1, 1)


def enlarged(maps: tf.Tensor, pictures: tf.Tensor) -> tf.Tensor:
    """Maps [n, h, w] resized to the pictures' size, bilinear."""
    return tf.image.resize(maps[..., None], tf.shape(pictures)[1:3])[..., 0]
