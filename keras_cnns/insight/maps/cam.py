"""The class map of Zhou et al. 2016, 1512.04150: pooling and one dense layer behind the maps need no gradient."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_cnns.graph.calls import Call, Calls
from keras_cnns.graph.kinds import MEAN, MOVES, is_squashing, name_of
from keras_cnns.insight.maps.base import BATCH, by_batch, enlarged, output_of
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import Class, Target, TargetLike
from keras_cnns.support.errors import BadArgument

NEEDS = "this method needs maps, global average pooling and at most one dense layer at the end"


def cam(
    model: keras.Model | InspectedModel, pictures: np.ndarray, target: TargetLike = None, *, batch: int = BATCH
) -> np.ndarray:
    """sum_k w_kc A_k: the dense layer applied to every position of the last maps, without pooling; bias left out.

    target: a class number, one for each picture, or None: the class that the model answers. The other arguments are
    those of `grad_cam`.

    Returns:
      float32 [n, h, w], which may be negative; its mean is the class's score minus the bias.

    Raises:
      UserError: the model ends in something else, or the target is not a class.

    >>> maps = insight.cam(model, pictures)  # [n, height, width]
    """

    def one_batch(network: InspectedModel, pictures: tf.Tensor, target: Target) -> tf.Tensor:
        if not isinstance(target, Class):
            raise BadArgument("a class activation map needs a class: give its number.")
        number, kernel = class_head(network.calls, target)
        outputs, maps = network.run(pictures, at=number)
        network.check(target, outputs)
        settled = network.settled(target, pictures)
        assert isinstance(settled, Class) and maps is not None  # the target is a class, and the maps are computed
        if kernel is None:
            kernel = tf.eye(maps.shape[-1])
        if network.is_one_sigmoid(target):
            kernel = tf.concat([-kernel, kernel], axis=1)
        weights = tf.gather(kernel, tf.broadcast_to(tf.cast(settled.index, tf.int32), [len(pictures)]), axis=1)
        return enlarged(tf.einsum("nhwk,kn->nhw", maps, weights), pictures)

    return by_batch(model, pictures, target, one_batch, batch=batch)


def class_head(calls: Calls, target: Target | None = None) -> tuple[int, tf.Tensor | None]:
    """The number of the call that gives the last maps, and the dense layer's kernel [maps, classes].

    The kernel is None where the averaged maps are the scores themselves (network in network, SqueezeNet).

    Raises:
      UserError: the model does not end in global average pooling and one dense layer.
    """
    ref, kernel = output_of(calls, target), None
    while calls[ref.call].inputs:
        call = calls[ref.call]
        if _is_average(call):
            return call.inputs[0].call, kernel
        if kernel is None and _is_dense(call):
            kernel = tf.convert_to_tensor(call.operation.kernel)
            kernel = tf.cast(tf.reshape(kernel, kernel.shape[-2:]), tf.float32)  # of a 1x1 convolution on one position
        elif type(call.operation) not in MOVES and not (kernel is None and _ends_scores(call)):
            break
        ref = call.inputs[0]
    raise BadArgument(f"{calls.name} ends in {calls[ref.call].name!r}: {NEEDS}.")


def _is_average(call: Call) -> bool:
    """The mean over all positions of maps [n, rows, columns, channels]."""
    if len(call.inputs) != 1 or len(call.inputs[0].shape) != 4:
        return False
    layer = call.operation
    if type(layer) is MEAN:
        return isinstance(layer.axis, list | tuple) and sorted(a % 4 for a in layer.axis) == [1, 2]
    full = type(layer) is layers.AveragePooling2D and tuple(layer.pool_size) == call.inputs[0].shape[1:3]
    return full and layer.padding == "valid" or type(layer) is layers.GlobalAveragePooling2D


def _is_dense(call: Call) -> bool:
    """A dense layer, or a convolution of a single position, without an activation other than softmax or sigmoid."""
    layer = call.operation
    pointwise = type(layer) is layers.Conv2D and call.inputs[0].shape[1:3] == (1, 1) and layer.groups == 1
    if type(layer) is not layers.Dense and not pointwise:
        return False
    return is_squashing(layer.activation) or name_of(layer.activation) == "linear"


def _ends_scores(call: Call) -> bool:
    """A softmax or sigmoid of its own behind the dense layer."""
    layer = call.operation
    return is_squashing(layer) or type(layer) is layers.Activation and is_squashing(layer.activation)
