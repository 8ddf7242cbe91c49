"""A row becomes a graph: input, preprocessing, levels, head and Model are joined here, for all families."""

from dataclasses import replace
from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import pool
from keras_cnns.blocks.initial import Initial, restore_initializers
from keras_cnns.family.head import Levels
from keras_cnns.family.variant import OnBackbone, Variant
from keras_cnns.graph.keras_internals import thread_state
from keras_cnns.registry.arguments import (
    checked_activation,
    checked_classes,
    checked_pooling,
    checked_preprocessing,
    checked_shape,
    checked_tensor,
)
from keras_cnns.registry.registry import Entry, backbone
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.recursion import with_headroom
from keras_cnns.support.types import Tensor


def assemble(
    network: Entry,
    net: Variant,
    *,
    include_top: bool = True,
    input_shape: Any = None,
    classes: Any = None,
    pooling: Any = None,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = False,
    features_only: bool = False,
    input_tensor: Any = None,
    name: str | None = None,
    drawn: bool = True,
) -> Any:
    """The `keras.Model` of a row, with initial weights. The arguments that are not listed are those of `build`.

    Args:
      network: the entry of the registry.
      net: its row, with any columns overridden.
      drawn: draw initial values. If False the kernels are NaN, for weights that follow; `blocks.initial.draw_missing`
        then draws those that the weights did not have.

    Raises:
      UserError: the shape, the number of classes or another argument is not valid.
      ValueError, TypeError, AttributeError: the layers do not accept the value of a column.
    """
    import keras_cnns.layers  # noqa: F401  registers the layers that Keras does not have

    if keras.config.image_data_format() != "channels_last":
        raise BadArgument(
            "networks are built channels last, and Keras is set to channels_first: "
            'call keras.config.set_image_data_format("channels_last") first.'
        )
    if input_tensor is None:
        image = keras.Input(checked_shape(network.name, net, input_shape), name="image")
    else:
        image = checked_tensor(network.name, net, input_tensor, input_shape)
    checked_pooling(pooling)
    activation = checked_activation(classifier_activation)
    classes = checked_classes(net.classes if classes is None else classes)
    levels, unit = _levels(network, net, image, include_preprocessing, drawn)
    if features_only:
        outputs: Any = levels.by_name
    elif include_top:
        outputs = network.head.outputs(levels, net, unit, classes=classes, activation=activation)
    else:
        outputs = pool(levels.last, pooling)
    inputs = [image] if input_tensor is None else keras.utils.get_source_inputs(image)
    if include_top and not features_only:
        inputs = [*inputs, *levels.inputs.values()]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    model = restore_initializers(
        with_headroom(lambda: keras.Model(inputs, outputs, name=name or network.name), share=thread_state())
    )
    for layer in model.layers:
        layer.keras_cnns_network = network.name  # stays when the user gives the model another name
    return model


def _levels(
    network: Entry, net: Variant, image: Tensor, include_preprocessing: bool, drawn: bool
) -> tuple[Levels, ConvUnit]:
    """The levels of the network or of its backbone, and the unit that made them."""
    head = network.head
    base = backbone(net) if isinstance(net, OnBackbone) else replace(network, variant=net)
    row = base.variant
    initializer: Any = Initial(row.initializer, drawn)
    unit = ConvUnit(row.numerics, row.activation, initializer)
    preprocessing = checked_preprocessing(row)
    x = preprocessing(image) if include_preprocessing else image
    x, inputs = head.pad(x, net), head.inputs(net)
    return Levels(image, base.features(x, row, unit), inputs), unit
