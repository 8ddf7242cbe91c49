"""A network with frozen layers is divided into the part that never changes in training, and the rest."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.graph.frozen_part import divide, structure
from keras_cnns.support.errors import UnsupportedModel


def network(*, drop=0.0, frozen=("stem", "norm"), padding="same"):
    """Convolution, batch normalization, dropout, pooling, dropout, classifier."""
    image = keras.Input((6, 6, 3), name="image")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding=padding, name="stem")(image))
    x = layers.Dropout(drop, name="drop")(keras.ops.relu(x))
    x = layers.Dropout(0.5, name="dropout")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Dense(2, name="classifier")(x))
    for name in frozen:
        model.get_layer(name).trainable = False
    return model


def names(model):
    return [layer.name for layer in model.layers[1:]]


def test_pooling_and_dropout_of_rate_zero_are_constant_and_other_dropout_is_not():
    model = network()
    constant, rest = divide(model)
    assert constant.output.shape == (None, 4) and names(rest) == ["dropout", "classifier"]
    assert not constant.trainable_variables and rest.get_layer("classifier") is model.get_layer("classifier")
    image = np.random.default_rng(0).normal(size=(3, 6, 6, 3)).astype("float32")
    np.testing.assert_array_equal(rest(constant(image)), model(image))
    np.testing.assert_array_equal(constant(image, training=True), constant(image))


def test_a_layer_behind_dropout_is_not_constant_even_if_it_is_frozen():
    constant, rest = divide(network(drop=0.1))
    assert constant.output.shape == (None, 6, 6, 4) and names(rest)[0] == "drop"


def test_batch_normalization_that_is_trained_ends_the_constant_part():
    assert names(divide(network(frozen=("stem",)))[0]) == ["stem"]


@pytest.mark.parametrize(("frozen", "message"), [((), "no frozen layers"), (("stem", "norm", "classifier"), None)])
def test_without_frozen_layers_there_are_no_features(frozen, message):
    model = network(frozen=frozen)
    if message is None:  # the dropout before it is live
        assert names(divide(model)[1]) == ["dropout", "classifier"]
        return
    with pytest.raises(UnsupportedModel, match=message):
        divide(model)


def test_all_layers_frozen():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.layers[0].trainable = False
    with pytest.raises(UnsupportedModel, match="nothing is left to train"):
        divide(model)


@pytest.mark.parametrize(("rate", "message"), [(0.5, "drop drops at random.*--overrides"), (0.0, "have 2 outputs")])
def test_several_outputs_are_refused(rate, message):
    image = keras.Input((3,))
    first, second = (layers.Dense(3, name=name)(image) for name in ("first", "second"))
    first = layers.Dense(3, name="third")(layers.Dropout(rate, name="drop")(first))
    model = keras.Model(image, layers.Dense(1, name="classifier")(layers.Dense(3, name="fourth")(first) + second))
    for name in ("first", "second", "third"):
        model.get_layer(name).trainable = False
    with pytest.raises(UnsupportedModel, match=message):
        divide(model)


def test_the_structure_knows_what_is_computed_and_no_names():
    first = structure(network())
    assert structure(network()) == first  # the pooling and the ReLU have other names
    assert structure(network(padding="valid")) != first and structure(network(drop=0.1)) != first
