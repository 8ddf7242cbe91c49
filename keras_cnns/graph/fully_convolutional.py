"""A classifier slides over larger pictures: its dense layers become convolutions. Long et al. 2015, 1411.4038, 3.1."""

from keras_cnns.graph.keras_internals import producer, producing_call
from keras_cnns.layers import AdaptivePooling2D
from keras_cnns.support.errors import BadArgument, UnsupportedModel, first_line
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.validation import kind


def to_fully_convolutional(model):
    """The same classifier for pictures of any size from its own up, its answer a map [B, h, w, classes].

    Dense layers after a Flatten become convolutions, the first as large as the map it flattened, the others 1x1; global
    pooling becomes pooling over as many positions as it saw. Weights are the model's. At its own size it answers what
    the classifier does, [B, 1, 1, classes]; at a larger one each place is the classifier's answer for its own part of
    the picture, exactly where no layer pads, and otherwise but for what the padding of the part would have added.

    Args:
      model: a functional model of pictures [B, height, width, channels] of known size that answers [B, classes].

    Raises:
      UserError: a layer that knows the size of the picture stands in the way.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise BadArgument(f"{kind(model)} is no functional keras.Model: give one of Keras 3.")
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4 or None in model.inputs[0].shape[1:]:
        raise UnsupportedModel(f"{model.name} takes no picture of a known size: build it with input_shape=.")
    fixed = next((layer.name for layer in model.layers if isinstance(layer, AdaptivePooling2D)), None)
    if fixed:
        raise UnsupportedModel(
            f"{model.name} pools any map to one grid ({fixed}): build it for its published size, without that."
        )
    end = _end_of_maps(model)
    grids = {}  # of the dense layers that become convolutions, by name

    def other(layer):
        kind = keras.layers
        if layer is end and not isinstance(layer, kind.Flatten):
            pool = kind.AveragePooling2D if isinstance(layer, kind.GlobalAveragePooling2D) else kind.MaxPooling2D
            return pool(tuple(layer.input.shape[1:3]), 1, name=layer.name)
        if isinstance(layer, kind.Flatten):
            return kind.Identity(name=layer.name)
        if end is None or not isinstance(layer, kind.Dense) or len(layer.input.shape) != 2:
            return layer.__class__.from_config(layer.get_config())
        before = producer(layer.input)
        flat = isinstance(before, kind.Flatten) and len(before.input.shape) == 4
        grids[layer.name] = tuple(before.input.shape[1:3]) if flat else (1, 1)
        options = {"use_bias": layer.use_bias, "dtype": layer.dtype_policy, "name": layer.name}
        return kind.Conv2D(layer.units, grids[layer.name], activation=layer.activation, **options)

    height, width, channels = model.inputs[0].shape[1:]
    image = keras.Input((None, None, channels), name="image")
    try:
        free = keras.models.clone_model(model, input_tensors=image, clone_function=other)
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.name in grids:
                weights[0] = weights[0].reshape(*grids[layer.name], -1, layer.units)
            if weights:
                free.get_layer(layer.name).set_weights(weights)
            if isinstance(layer, keras.layers.Normalization):
                free.get_layer(layer.name).finalize_state()  # it computes with constants made from its weights
        free(keras.ops.zeros((1, height + 32, width + 32, channels)))
    except Exception as error:  # Keras's and its backend's, each of many kinds
        raise UnsupportedModel(f"{model.name} cannot be applied to other sizes: {first_line(error)}") from error
    return free


def _end_of_maps(model):
    """The layer that all of the picture goes through and that has no map behind it: a Flatten or a global pooling.

    A global pooling beside the way, as squeeze-excitation has, still looks at the whole picture. `None`: none is there.
    """
    kinds = (keras.layers.Flatten, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
    ends = [layer for layer in model.layers if isinstance(layer, kinds) and len(layer.input.shape) == 4]
    # where a pooling keeps its two sides and a Flatten follows, the pooling is the end
    return next((layer for layer in ends if not _goes_around(model, layer)), None)


def _goes_around(model, layer):
    """Whether the answer sees the picture also by a way beside `layer`."""
    open_, seen = list(model.outputs), set()
    while open_:
        tensor = open_.pop()
        operation = producer(tensor)
        if operation is layer or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        node = producing_call(tensor)
        if not node.input_tensors:
            return True
        open_ += node.input_tensors
    return False
