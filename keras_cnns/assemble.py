"""A row becomes a graph: input, preprocessing, features, head and Model are joined here, for all families."""

import math
import operator
from dataclasses import replace
from functools import partial

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import pool
from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.deep import with_room
from keras_cnns.errors import UserError
from keras_cnns.lazy import keras
from keras_cnns.registry import backbone


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
):
    """The `keras.Model` of a row, with initial weights; the arguments are those of `build`.

    found: the `registry.Entry`. net: its row, with whatever columns were changed.

    Raises:
      UserError: a shape, a number of classes or a pooling that cannot be.
      ValueError, TypeError, AttributeError: a column has a value that its layers cannot take.
    """
    shape = checked_shape(found.name, net, input_shape)
    classes = _classes(net.classes if classes is None else classes)
    if pooling not in (None, "avg", "max"):
        raise UserError(f"pooling is {pooling!r}: it must be None, 'avg' or 'max'.")
    base = backbone(net) if hasattr(net, "backbone") else replace(found, variant=net)
    unit = ConvUnit(base.variant.numerics, base.variant.activation, base.variant.initializer)
    image = keras.Input(shape, name="image")
    x = _preprocessing(base.variant)(image) if include_preprocessing else image
    if base.module is not found.module:
        x = found.module.padded(x)
    levels = base.module.features(x, base.variant, unit)
    top = list(levels.values())[-1]
    if features_only:
        outputs = levels
    elif include_top and base.module is not found.module:
        options = {"classes": classes, "activation": classifier_activation}
        outputs = found.module.predict(image, partial(_level, image, levels), net, unit, **options)
    elif include_top:
        options = {"classes": classes, "activation": classifier_activation}
        outputs = found.head(top, net, unit, **options)
        if getattr(net, "auxiliary", False):
            outputs = [outputs, *found.module.auxiliary(levels, net, unit, **options)]
    else:
        outputs = pool(top, pooling)
    return with_room(lambda: keras.Model(image, outputs, name=found.name))


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
        shape = tuple(None if n is None else int(n) for n in shape)
        height, width, channels = shape
    except (TypeError, ValueError):
        raise UserError(f"input_shape is {shape!r}: it must be (height, width, channels).") from None
    if channels is None or channels < 1:
        raise UserError(f"input_shape is {shape}: the number of channels must be at least 1.")
    if min(math.inf if n is None else n for n in (height, width)) < net.min_size:
        raise UserError(f"{name} needs pictures of at least {net.min_size}x{net.min_size}: input_shape is {shape}.")
    return shape


def _classes(classes):
    try:
        count = 0 if isinstance(classes, bool) else operator.index(classes)  # NumPy's integers too
    except TypeError:
        count = 0
    if count < 1:
        raise UserError(f"classes is {classes!r}: it must be a whole number from 1 up.")
    return count


def _preprocessing(net):
    if net.preprocessing not in PREPROCESSING:
        raise UserError(
            f"there is no preprocessing {net.preprocessing!r}: it must be one of {', '.join(PREPROCESSING)}."
        )
    return PREPROCESSING[net.preprocessing]
