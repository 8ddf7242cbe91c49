"""The class map of Zhou et al. 2016, 1512.04150: pooling and one dense layer behind the maps need no gradient."""

import keras
import tensorflow as tf
from keras import tree

from keras_cnns.errors import UserError
from keras_cnns.insight.macs import FREE
from keras_cnns.insight.maps.base import BATCH, by_batch, enlarged
from keras_cnns.insight.targets import Class

NEEDS = "this method needs maps, global average pooling and one dense layer at the end"


def cam(model, pictures, target=None, *, batch=BATCH):
    """sum_k w_kc A_k: the dense layer applied to every position of the last maps, without pooling; bias left out.

    target: a class number, one for each picture, or None: what the model answers. The rest is as in `grad_cam`, but
    the map may be negative; its mean is the class's score less the bias.

    Raises:
      UserError: the model ends in something else, or the target is not a class.
    """

    def one_batch(network, pictures, target):
        if not isinstance(target, Class):
            raise UserError("the class map without gradients is of a class: give its number.")
        number, kernel = class_head(network.calls)
        outputs, maps = network.run(pictures, at=number)
        index = target.settled(outputs).index
        target(outputs)  # says so where a class is out of range
        weights = tf.gather(kernel, tf.broadcast_to(tf.cast(index, tf.int32), [len(pictures)]), axis=1)
        return enlarged(tf.einsum("nhwk,kn->nhw", maps, weights), pictures)

    return by_batch(model, pictures, target, one_batch, batch=batch)


def class_head(calls):
    """The number of the call that gives the last maps, and the dense layer's kernel [maps, classes].

    Raises:
      UserError: the model does not end in global average pooling and one dense layer.
    """
    ref, kernel = tree.flatten(calls.result)[0], None
    while calls[ref.call].inputs:
        call = calls[ref.call]
        if kernel is not None and call.kind == "GlobalAveragePooling2D":
            return call.inputs[0].call, kernel
        if kernel is None and _is_dense(call):
            kernel = tf.convert_to_tensor(call.operation.kernel)
            kernel = tf.reshape(kernel, kernel.shape[-2:])  # of a 1x1 convolution on one position
        elif call.kind not in FREE and not (kernel is None and _ends_scores(call)):
            break
        ref = call.inputs[0]
    raise UserError(f"{calls.name} ends in {calls[ref.call].name!r}: {NEEDS}.")


def _is_dense(call):
    if call.kind == "Dense":
        return True
    return call.kind == "Conv2D" and call.inputs[0].shape[1:3] == (1, 1) and call.operation.groups == 1


def _ends_scores(call):
    """A softmax or sigmoid of its own behind the dense layer."""
    squash = (keras.activations.softmax, keras.activations.sigmoid)
    return call.kind == "Softmax" or call.kind == "Activation" and call.operation.activation in squash
