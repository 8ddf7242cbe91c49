"""Channels of unlike size in front of a depthwise convolution keep their bits in int8, and nothing else changes."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.tflite.aware import api, twin
from keras_cnns.tflite.aware import convert as aware_convert
from keras_cnns.tflite.aware import native as native_method
from keras_cnns.tflite.aware.fake_quant import FakeQuant
from keras_cnns.tflite.rewrite.equalize import EQUAL, like_ranges
from keras_cnns.tflite.targets import runner

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8, 8, 3)).astype("float32")
UNLIKE, LIKE = np.geomspace(0.02, 4, 8), np.linspace(0.8, 1.2, 8)
METHODS = ("keras", "tfmot")


def network(activation, sizes, *, multiplier=1, trainable=True, read_twice=False, epsilon=1e-3):
    """Convolution, batch norm with gains `sizes`, activation, depthwise convolution, and the norm behind it."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, use_bias=False, name="conv")(image)
    x = norm = layers.BatchNormalization(name="norm", trainable=trainable)(x)
    x = taken = layers.Activation(activation)(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, depth_multiplier=multiplier, name="depthwise")(x)
    x = layers.BatchNormalization(name="after", epsilon=epsilon)(x)
    if read_twice:
        x = layers.Add()([x, layers.Cropping2D(1)(taken)])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    model = keras.Model(image, layers.Dense(5, name="scores")(x))
    rng = np.random.default_rng(1)
    inside = keras.Model(image, [model.get_layer("conv").output, norm, model.get_layer("depthwise").output])
    settle(model.get_layer("norm"), inside(X)[0], sizes, sizes * rng.normal(0, 0.3, 8))
    count = 8 * multiplier
    settle(model.get_layer("after"), inside(X)[2], rng.uniform(0.8, 1.2, count), rng.normal(0, 0.3, count))
    return model


def settle(norm, taken, gain, offset):
    taken = np.asarray(taken)
    norm.set_weights([gain, offset, taken.mean((0, 1, 2)), taken.var((0, 1, 2))])


def answers(model, x=X):
    return np.asarray(model(x, training=False))


def decibels(wanted, actual):
    return 10 * np.log10(np.var(wanted) / max(np.mean((wanted - actual) ** 2), 1e-12))


def native(model, method, **options):
    return aware_convert.native(api.quantization_aware(model, method=method, pictures=X, **options))


def added(model):
    return [layer.name for layer in model.layers if layer.name.endswith(EQUAL)]


# What it is worth


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("activation", "multiplier", "gain"),
    [("relu", 1, 15), ("relu", 2, 15), ("hard_silu", 1, 2), ("hard_silu", 2, 2)],  # there x itself is rounded too
)
def test_small_channels_keep_their_bits(activation, multiplier, gain, method, monkeypatch):
    sizes = UNLIKE if activation == "relu" else np.geomspace(0.3, 4, 8)
    model = network(activation, sizes, multiplier=multiplier, epsilon=1e-7)
    equal = decibels(answers(model), answers(native(model, method)))
    for module in (native_method, twin):
        monkeypatch.setattr(module, "equalize", lambda graph, training: False)
    assert equal > decibels(answers(model), answers(native(model, method))) + gain


def test_the_ranges_are_brought_together():
    model = native(network("relu", UNLIKE), "keras")
    taken = np.asarray(keras.Model(model.input, model.get_layer("depthwise").input)(X)).max((0, 1, 2))
    assert taken.max() < 4 * taken.min()


def test_the_scales_leave_least_noise():
    """Against a search over all scales of three channels, two of them with values below zero."""
    low, high, gain = np.array([0.0, -0.3, -0.3]), np.array([5.0, 0.2, 2.0]), np.array([0.2, 3.0, 1.0])

    def noise(scale):
        step = (high * scale).max() - (low * scale).min()
        return np.sum((gain / scale * step) ** 2)

    tried = np.geomspace(0.1, 100, 121)
    best = min(noise(np.array([1.0, a, b])) for a in tried for b in tried)
    scale, times = like_ranges([(low, high, 1)], gain)
    assert noise(scale) < 1.1 * best
    assert times == pytest.approx(noise(np.ones(3)) / noise(scale))


# What does not change


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", ["relu", "hard_silu"])
def test_the_file_answers_as_the_model_that_was_trained(activation, method, tmp_path):
    library = keras
    if method == "tfmot":
        from keras_cnns.tflite.aware.twin import tf_keras as library
    model = api.quantization_aware(network(activation, UNLIKE, epsilon=1e-7), method=method, pictures=X)
    model.compile(library.optimizers.Adam(1e-3), "mse", jit_compile=False)
    model.fit(X, np.zeros((64, 5), "float32"), 16, epochs=2, verbose=0)
    path = tmp_path / "net.tflite"
    path.write_bytes(aware_convert.convert(model))
    wanted = answers(aware_convert.native(model))
    assert decibels(wanted, runner.predict(path, X)) > 30


def test_a_bias_of_the_same_number_for_all_channels_is_that_in_the_file(tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(8, 1, bias_initializer=keras.initializers.Constant(3))(image))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.geomspace(0.01, 10, 8), bias])
    aware = api.quantization_aware(model, pictures=X)
    path = tmp_path / "net.tflite"
    path.write_bytes(aware_convert.convert(aware))
    assert decibels(answers(aware), runner.predict(path, X)) > 40


def test_hard_swish_brings_no_operator_into_the_file(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    for sizes in (UNLIKE, LIKE):
        file = Interpreter(
            model_content=aware_convert.convert(api.quantization_aware(network("hard_silu", sizes), pictures=X))
        )
        names = [o["op_name"] for o in file._get_ops_details()]
        assert "MAXIMUM" not in names and "HARD_SWISH" not in names


@pytest.mark.parametrize("activation", ["relu", "hard_silu"])
def test_what_may_not_change_is_left(activation):
    for options in ({"trainable": False}, {"read_twice": True}):
        model = network(activation, UNLIKE, **options)
        aware = api.quantization_aware(model)
        assert not added(aware)
        norm = aware.get_layer("norm")
        np.testing.assert_allclose(norm.gamma, model.get_layer("norm").gamma, rtol=1e-6)


def test_hard_swish_is_written_otherwise_only_where_that_is_worth_it():
    assert added(api.quantization_aware(network("hard_silu", UNLIKE)))
    assert not added(api.quantization_aware(network("hard_silu", LIKE)))
    assert not added(api.quantization_aware(network("relu", UNLIKE)))  # there the batch norm takes the scale in


def test_relu6_is_left_whose_six_is_the_same_for_all_channels():
    model = network("relu6", UNLIKE)
    norm = api.quantization_aware(model).get_layer("norm")
    np.testing.assert_allclose(norm.gamma, model.get_layer("norm").gamma, rtol=1e-6)


# Below -3 hard-swish is zero


def swish(x, *, kept=None):
    y = layers.Activation("hard_silu")(x)
    return y if kept is None else layers.Add()([y, kept])


def after_dense(make):
    image = keras.Input((4,))
    x = layers.Dense(6, name="dense", kernel_initializer=keras.initializers.RandomNormal(stddev=4, seed=1))(image)
    model = keras.Model(image, make(x))
    inputs = np.random.default_rng(2).normal(size=(64, 4)).astype("float32")
    assert model.get_layer("dense")(inputs).numpy().min() < -6
    return model, inputs


def lowest(model, name="dense"):
    (layer,) = (x for x in model.layers if isinstance(x, FakeQuant) and x.name.startswith(f"{name}_quant"))
    return float(layer.low)


READERS = {
    "a hard-swish": (lambda x: swish(x), True),
    "one before a dense layer": (lambda x: layers.Dense(3, name="behind")(swish(x)), True),
    "and another reader": (lambda x: swish(x, kept=x), False),
    "two hard-swishes": (lambda x: layers.Add()([swish(x), layers.Dense(6, name="behind")(swish(x))]), False),
    "a swish": (lambda x: layers.Activation("silu")(x), False),
    "a relu": (lambda x: layers.ReLU(negative_slope=0.1)(x), False),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("readers", READERS)
def test_no_step_is_spent_on_what_hard_swish_takes_for_zero(readers, method):
    make, floored = READERS[readers]
    model, inputs = after_dense(make)
    aware = api.quantization_aware(model, method=method, pictures=inputs)
    assert (lowest(aware_convert.native(aware)) == -3) == floored
    library = keras
    if method == "tfmot":
        from keras_cnns.tflite.aware.twin import tf_keras as library
    aware.compile(library.optimizers.SGD(0.0), "mse", jit_compile=False)
    aware.fit(inputs, np.zeros((64, *model.output_shape[1:])), verbose=0)
    assert (lowest(aware_convert.native(aware)) == -3) == floored
    again = keras.models.clone_model(aware_convert.native(aware))
    assert [x.least for x in again.layers if isinstance(x, FakeQuant) and x.name == "dense_quant"] == [
        -3 if floored else None
    ]


def test_the_steps_saved_are_worth_bits():
    model, inputs = after_dense(READERS["a hard-swish"][0])
    aware = api.quantization_aware(model, pictures=inputs)
    better = decibels(answers(model, inputs), answers(aware, inputs))
    (layer,) = (x for x in aware.layers if x.name == "dense_quant")
    layer.low.assign(float(model.get_layer("dense")(inputs).numpy().min()))
    assert better > decibels(answers(model, inputs), answers(aware, inputs)) + 2


# How fast ranges follow


def test_ranges_that_pictures_have_set_follow_slowly():
    model, inputs = after_dense(READERS["a relu"][0])

    def moved(**options):
        (layer,) = (x for x in api.quantization_aware(model, **options).layers if x.name == "dense_quant")
        layer(np.float32([0, 10]), training=True)
        before = float(layer.high)
        layer(np.float32([0, before + 1]), training=True)
        return round(float(layer.high) - before, 4), layer.momentum

    assert moved() == (0.02, 0.98)
    assert moved(pictures=inputs) == (0.001, 0.999)
    assert moved(pictures=inputs, momentum=0.9) == (0.1, 0.9)


@pytest.mark.parametrize("options", [{}, {"pictures": X}])
def test_batch_norm_that_is_released_follows_in_fifty_steps(options):
    aware = api.quantization_aware(network("relu", LIKE), hold_statistics=False, **options)
    assert aware.get_layer("norm").momentum == 0.98
