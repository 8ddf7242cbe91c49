"""What a network computes on the way: first-layer filters and the feature maps of any layer."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_cnns.graph.calls import Calls
from keras_cnns.graph.kinds import CONVS, DEPTHWISE, TRANSPOSED
from keras_cnns.insight.maps.arguments import layer_name
from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import Target
from keras_cnns.support.errors import BadArgument


def filters(model: keras.Model, layer: str | None = None) -> np.ndarray:
    """The kernels of a convolution that sees pictures, float32 [n, height, width, 1 or 3].

    layer: the name of the convolution; None: the first one.

    >>> insight.filters(keras_cnns.build("alexnet")).shape
    (64, 11, 11, 3)

    Raises:
      UserError: there is no such layer, it is no convolution, or its kernels have more maps than a picture has colours.
    """
    calls = Calls(model)
    if layer is None:
        call = next((call for call in calls if _is_convolution(call.operation)), None)
        if call is None:
            raise BadArgument(f"{calls.name} has no convolution: there are no filters to show.")
    else:
        call = calls[calls.find(layer_name(layer))]
        if not _is_convolution(call.operation):
            raise BadArgument(f"layer {layer!r} is a {call.kind} and not a convolution: it has no filters to show.")
    kernel = np.asarray(call.operation.kernel, "float32")
    if isinstance(call.operation, layers.DepthwiseConv2D):
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        raise BadArgument(
            f"the kernels of {call.name!r} have shape {kernel.shape}: only those on pictures (1 or 3 channels) can be "
            "shown. `maximize` shows what a deeper layer looks for."
        )
    return np.moveaxis(kernel, -1, 0)


def feature_maps(
    model: keras.Model | InspectedModel, pictures: np.ndarray, layer: str, *, batch: int = BATCH
) -> np.ndarray:
    """What a layer computes for pictures, [n, ...]: for a convolution [n, h, w, maps].

    layer: its name. The other arguments and the errors are those of `grad_cam`.

    >>> insight.feature_maps(model, pictures, "conv1").shape
    (1, 55, 55, 64)
    """
    layer = layer_name(layer)

    def one_batch(network: InspectedModel, pictures: tf.Tensor, _: Target) -> tf.Tensor:
        return network.run(pictures, last=network.calls.find(layer))[0]

    return by_batch(model, pictures, lambda outputs: outputs, one_batch, batch=batch)


def _is_convolution(operation: keras.Operation) -> bool:
    return isinstance(operation, (*CONVS, *DEPTHWISE, *TRANSPOSED)) and hasattr(operation, "kernel")
