"""How many multiply-accumulates one call of a layer takes, for one picture."""

import math

import keras

# fmt: off
# what moves values without computing with them: it costs memory, no arithmetic
FREE = {
    "InputLayer", "Flatten", "Reshape", "Permute", "Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "GaussianNoise", "GaussianDropout", "Concatenate", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D", "Pad", "Cast", "GetItem", "Transpose", "Squeeze",
    "ExpandDims", "Split",
}
# fmt: on


def macs(call):
    """Of convolutions, dense layers and matrix products, the padding's zeros included, as papers count them.

    None: this kind of operation is not counted, or the size of its output is not known.
    """
    layer, shape = call.operation, call.shape
    if None in shape or any(None in ref.shape[1:] for ref in call.inputs):
        return None
    layers = keras.layers
    if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        return _positions(layer, shape) * (_size(layer.depthwise_kernel) + _size(layer.pointwise_kernel))
    if isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose):
        return _positions(layer, call.inputs[0].shape[1:]) * _size(layer.kernel)  # every input meets the whole kernel
    if isinstance(
        layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D | layers.Conv1D | layers.Conv2D | layers.Conv3D
    ):
        return _positions(layer, shape) * _size(layer.kernel)
    if isinstance(layer, layers.Dense):
        return math.prod(shape[:-1]) * _size(layer.kernel)
    if isinstance(layer, layers.EinsumDense):
        taken, result = layer.equation.split("->")
        kernel = taken.split(",")[1]
        summed = [n for label, n in zip(kernel, layer.kernel.shape, strict=True) if label not in result]
        return math.prod(shape) * math.prod(summed)
    if call.kind == "Matmul":
        return math.prod(shape) * call.inputs[0].shape[-1]
    return None


def _positions(layer, shape):
    return math.prod(shape[1:] if layer.data_format == "channels_first" else shape[:-1])


def _size(kernel):
    return math.prod(kernel.shape)
