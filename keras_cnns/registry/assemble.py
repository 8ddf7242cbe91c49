"""A row becomes a graph: input, preprocessing, features, head and Model are joined here, for all families."""

import math
import operator
from dataclasses import replace
from functools import partial

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import pool
from keras_cnns.blocks.initial import Initial, put_back
from keras_cnns.blocks.preprocessing import PREPROCESSING, Preprocessing
from keras_cnns.registry.registry import backbone
from keras_cnns.support.errors import UserError, nearest
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.recursion import with_room


def assemble(
    found,
    net,
    *,
    include_top=True,
    input_shape=None,
    classes=None,
    pooling=None,
    classifier_activation="softmax",
    include_preprocessing=False,
    features_only=False,
    input_tensor=None,
    name=None,
    drawn=True,
):
    """The `keras.Model` of a row, with initial weights; the arguments are those of `build`.

    found: the `registry.Entry`. net: its row, with whatever columns were changed. drawn: whether initial values are
    drawn; False leaves NaN in the kernels, for weights that follow and `blocks.initial.draw_missing` after them.

    Raises:
      UserError: a shape, a number of classes or a pooling that cannot be.
      ValueError, TypeError, AttributeError: a column has a value that its layers cannot take.
    """
    if keras.config.image_data_format() != "channels_last":
        raise UserError(
            "networks are built channels last, and Keras is set to channels_first: "
            'call keras.config.set_image_data_format("channels_last") before.'
        )
    image = keras.Input(checked_shape(found.name, net, input_shape), name="image") if input_tensor is None else None
    image = _checked_tensor(found.name, net, input_tensor, input_shape) if image is None else image
    classifier_activation = _activation(classifier_activation)
    classes = _classes(net.classes if classes is None else classes)
    if not (pooling is None or isinstance(pooling, str) and pooling in ("avg", "max")):
        raise UserError(f"pooling is {pooling!r}: it must be None, 'avg' or 'max'.")
    base = backbone(net) if hasattr(net, "backbone") else replace(found, variant=net)
    unit = ConvUnit(base.variant.numerics, base.variant.activation, Initial(base.variant.initializer, drawn))
    preprocessing = _preprocessing(base.variant)
    x = preprocessing(image) if include_preprocessing else image
    others: dict = {}  # what the network takes beside the picture
    if base.module is not found.module:
        x = getattr(found.module, "padded", lambda x, net: x)(x, net)
        others = getattr(found.module, "inputs", lambda net: {})(net)
    levels = base.module.features(x, base.variant, unit)
    top = list(levels.values())[-1]
    if features_only:
        outputs = levels
    elif include_top and base.module is not found.module:
        options = {"classes": classes, "activation": classifier_activation}
        outputs = found.module.predict(image, partial(_level, image, levels), net, unit, **others, **options)
    elif include_top:
        options = {"classes": classes, "activation": classifier_activation}
        outputs = found.head(top, net, unit, **options)
        if getattr(net, "auxiliary", False):
            outputs = [outputs, *found.module.auxiliary(levels, net, unit, **options)]
    else:
        outputs = pool(top, pooling)
    inputs = [image] if input_tensor is None else keras.utils.get_source_inputs(image)
    inputs = [*inputs, *others.values()] if include_top and not features_only else inputs
    inputs = inputs[0] if len(inputs) == 1 else inputs
    model = put_back(with_room(lambda: keras.Model(inputs, outputs, name=name or found.name)))
    for layer in model.layers:
        layer._keras_cnns_network = found.name  # another name of the model does not change whose tables it has
    return model


def _level(image, levels, name):
    """The level called `name`, or the output of the layer that is."""
    if name in levels:
        return levels[name]
    if name == "C5":  # a backbone of fewer levels ends in its last one
        return list(levels.values())[-1]
    try:
        return keras.Model(image, list(levels.values())).get_layer(name).output
    except ValueError:
        raise UserError(f"the backbone has neither a level nor a layer {name!r}: it has {', '.join(levels)}.") from None


def checked_shape(name, net, shape):
    """(height, width, channels) of the input, the row's where none is given. Raises UserError."""
    shape = net.input_shape if shape is None else shape
    try:
        shape = tuple(None if n is None else operator.index(n) for n in shape)
        height, width, channels = shape
    except (TypeError, ValueError):
        raise UserError(f"input_shape is {shape!r}: it must be (height, width, channels).") from None
    if channels is None or channels < 1:
        raise UserError(f"input_shape is {shape}: the number of channels must be at least 1.")
    if min(math.inf if n is None else n for n in (height, width)) < net.min_size:
        raise UserError(f"{name} needs pictures of at least {net.min_size}x{net.min_size}: input_shape is {shape}.")
    return shape


def _checked_tensor(name, net, tensor, shape):
    """The tensor that stands for the picture, as keras.applications takes it. Raises UserError."""
    if not isinstance(tensor, keras.KerasTensor) or len(tensor.shape) != 4:
        raise UserError("input_tensor must be a Keras tensor [batch, height, width, channels], such as keras.Input().")
    own = checked_shape(name, net, tensor.shape[1:])
    if shape is not None and checked_shape(name, net, shape) != own:
        raise UserError(f"input_shape is {shape}, and input_tensor has {own}: leave input_shape out.")
    return tensor


def _activation(word):
    """What `keras.activations` knows by that word, None, or a function. Raises UserError."""
    try:
        keras.activations.get(word)
    except Exception:  # of many kinds, by what was given
        known = ("softmax", "sigmoid", "linear", "log_softmax", "relu", "tanh")
        raise UserError(
            f"classifier_activation is {word!r}: it must be None or an activation's name, such as "
            f"'softmax'.{nearest(word, known)}"
        ) from None
    return word


def _classes(classes):
    try:
        count = 0 if isinstance(classes, bool) else operator.index(classes)  # NumPy's integers too
    except TypeError:
        count = 0
    if count < 1:
        raise UserError(f"classes is {classes!r}: it must be a whole number from 1 up.")
    return count


def _preprocessing(net):
    if isinstance(net.preprocessing, Preprocessing):
        return net.preprocessing
    if not isinstance(net.preprocessing, str) or net.preprocessing not in PREPROCESSING:
        raise UserError(
            f"there is no preprocessing {net.preprocessing!r}: it must be one of {', '.join(PREPROCESSING)}."
        )
    return PREPROCESSING[net.preprocessing]
