"""Turns a classifier into a fully convolutional network. Long et al. 2015, 1411.4038, section 3.1."""

from typing import Any

from keras_cnns.graph.keras_internals import producer, producing_call
from keras_cnns.layers import AdaptivePooling2D
from keras_cnns.support.errors import BadArgument, UnsupportedModel, first_line
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.validation import kind


def to_fully_convolutional(model: "keras.Model") -> "keras.Model":
    """The same classifier for pictures of its own size and larger; returns a map [batch, h, w, classes].

    Dense layers after a Flatten become convolutions: the first kernel is as large as the flattened map, the others are
    1x1. Global pooling becomes pooling over windows of the map's size. The weights are the model's. At its own size
    the output is the classifier's, as [batch, 1, 1, classes]. In a larger picture, each position holds the classifier's
    output for its part of the picture. This is exact if no layer pads; otherwise the padding makes a difference.

    Args:
      model: a functional model from pictures [batch, height, width, channels] of known size to [batch, classes].

    Raises:
      UserError: a layer depends on the size of the picture.

    Example:
      maps = to_fully_convolutional(build("vgg16"))(pictures)  # [1, 384, 384, 3] -> [1, 6, 6, 1000]
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise BadArgument(f"{kind(model)} is not a functional keras.Model of Keras 3.")
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4 or None in model.inputs[0].shape[1:]:
        raise UnsupportedModel(f"{model.name} does not take pictures of a known size: build it with input_shape=.")
    fixed_grid = next((layer.name for layer in model.layers if isinstance(layer, AdaptivePooling2D)), None)
    if fixed_grid:
        raise UnsupportedModel(
            f"{model.name} always pools to one grid ({fixed_grid}): build it for its published size, without that."
        )
    end = _end_of_maps(model)
    grids = {}  # {name of a dense layer that becomes a convolution: its kernel's height and width}

    def convert(layer: Any) -> Any:
        """The layer for pictures of any size that takes the place of `layer`."""
        kind = keras.layers
        if layer is end and not isinstance(layer, kind.Flatten):
            pool = kind.AveragePooling2D if isinstance(layer, kind.GlobalAveragePooling2D) else kind.MaxPooling2D
            return pool(tuple(layer.input.shape[1:3]), 1, name=layer.name)
        if isinstance(layer, kind.Flatten):
            return kind.Identity(name=layer.name)
        if end is None or not isinstance(layer, kind.Dense) or len(layer.input.shape) != 2:
            return layer.__class__.from_config(layer.get_config())
        before = producer(layer.input)
        after_flatten = isinstance(before, kind.Flatten) and len(before.input.shape) == 4
        grids[layer.name] = tuple(before.input.shape[1:3]) if after_flatten else (1, 1)
        options = {"use_bias": layer.use_bias, "dtype": layer.dtype_policy, "name": layer.name}
        return kind.Conv2D(layer.units, grids[layer.name], activation=layer.activation, **options)

    height, width, channels = model.inputs[0].shape[1:]
    image = keras.Input((None, None, channels), name="image")
    try:
        converted = keras.models.clone_model(model, input_tensors=image, clone_function=convert)
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.name in grids:
                weights[0] = weights[0].reshape(*grids[layer.name], -1, layer.units)
            if weights:
                converted.get_layer(layer.name).set_weights(weights)
            if isinstance(layer, keras.layers.Normalization):
                converted.get_layer(layer.name).finalize_state()  # it computes with constants derived from its weights
        converted(keras.ops.zeros((1, height + 32, width + 32, channels)))
    except Exception as error:  # Keras and its backend raise many kinds
        raise UnsupportedModel(f"{model.name} cannot be applied to other sizes: {first_line(error)}") from error
    return converted


def _end_of_maps(model: "keras.Model") -> Any:
    """The Flatten or global pooling that the whole picture passes through and after which there are no maps.

    A global pooling on a side branch, as in squeeze-and-excitation, does not count. None if there is no such layer.
    """
    kinds = (keras.layers.Flatten, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
    ends = [layer for layer in model.layers if isinstance(layer, kinds) and len(layer.input.shape) == 4]
    # if a pooling with keepdims precedes a Flatten, the pooling is the end
    return next((layer for layer in ends if not _goes_around(model, layer)), None)


def _goes_around(model: "keras.Model", layer: Any) -> bool:
    """Whether some path from the picture to the output bypasses `layer`."""
    pending, seen = list(model.outputs), set()
    while pending:
        tensor = pending.pop()
        operation = producer(tensor)
        if operation is layer or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        node = producing_call(tensor)
        if not node.input_tensors:
            return True
        pending += node.input_tensors
    return False
