"""Scaling inside the model: kernels keep their size while they are trained; the file has the scaling folded in."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.testing import randomize
from keras_cnns.tflite import export, predict, quantization_aware
from keras_cnns.tflite.aware.convert import frozen, native
from keras_cnns.tflite.aware.fake_quant import unrounded


def pixels(count=32):
    rng = np.random.default_rng(0)
    return np.clip(127 + rng.uniform(5, 60, (count, 1, 1, 1)) * rng.normal(size=(count, 12, 12, 4)), 0, 255).astype(
        "f4"
    )


def normalization():
    mean, deviation = np.array([120.0, 110, 100, 90]), np.array([58.0, 57, 56, 90])
    return layers.Normalization(mean=mean, variance=deviation**2)


SCALINGS = {
    "one scale": lambda: [layers.Rescaling(1 / 255)],
    "scale and offset": lambda: [layers.Rescaling(1 / 127.5, offset=-1)],
    "one per channel": lambda: [normalization()],
    "two in a row": lambda: [layers.Rescaling(0.5, 3.0), normalization()],
}
FIRST = {
    "convolution": lambda: layers.Conv2D(8, 3, activation="relu"),
    "strided convolution without bias": lambda: layers.Conv2D(8, 3, strides=2, use_bias=False),
    "grouped convolution": lambda: layers.Conv2D(8, 3, groups=2),
    "depthwise convolution": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    "dense layer": lambda: layers.Dense(8),
}


def network(scaling, first):
    norm = layers.BatchNormalization(), layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(3)
    return randomize(keras.Sequential([keras.Input((12, 12, 4)), *scaling, first, *norm]))


@pytest.mark.parametrize("scaling", SCALINGS.values(), ids=SCALINGS.keys())
def test_the_first_kernel_stays_as_large_as_in_the_model(scaling):
    model = keras.Sequential(
        [keras.Input((12, 12, 4)), *scaling(), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(2)]
    )
    kernel, bias = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D)).get_weights()
    aware = quantization_aware(model, pictures=pixels())
    trained = next(layer for layer in aware.layers if isinstance(layer, layers.Conv2D)).get_weights()
    np.testing.assert_allclose(trained[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained[1], bias, atol=1e-4)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST.keys())
@pytest.mark.parametrize("scaling", ["one scale", "one per channel"])
def test_the_file_computes_what_was_trained(first, scaling, tmp_path):
    """The frozen model has standard layers alone and rounds as the trained one does; so does the file."""
    model, x = network(SCALINGS[scaling](), first()), pixels()
    aware = quantization_aware(model, pictures=x)
    expected = model.predict(x, verbose=0)
    with unrounded(aware):
        np.testing.assert_allclose(aware(x, training=False), expected, atol=1e-4 * np.ptp(expected))
    trained = np.asarray(aware(x, training=False))
    np.testing.assert_allclose(frozen(aware)(x, training=False), trained, atol=0.01 * np.ptp(expected))
    path = tmp_path / "net.tflite"
    export(aware, path, scheme="int8", images=x, force=True)
    np.testing.assert_allclose(predict(path, x), trained, atol=0.02 * np.ptp(expected))


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["one scale", "one per channel"])
def test_training_moves_the_answers_as_far_as_with_the_scaling_outside(scaling):
    x, body = pixels(), [layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    outside = keras.Sequential([keras.Input((12, 12, 4)), *body])
    inside = keras.Sequential([keras.Input((12, 12, 4)), *SCALINGS[scaling](), *body])
    randomize(outside)
    right, errors = inside.predict(x, verbose=0), []
    scaled = keras.Sequential(inside.layers[:1]).predict(x, verbose=0)
    for model, pictures in ((outside, scaled), (inside, x)):
        aware = quantization_aware(model, pictures=pictures)
        aware.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=False)
        aware.fit(pictures, right + 0.1, epochs=3, batch_size=8, shuffle=False, verbose=0)
        errors.append(np.asarray(aware(pictures, training=False)) - right)
    assert np.abs(errors[1] - errors[0]).max() < 0.1 * np.ptp(right)


def test_a_batch_norm_on_the_pixels_leaves_the_kernel_as_large_too():
    norm = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((12, 12, 4)), norm, layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(2)])
    norm.moving_mean.assign(np.full(4, 120.0))
    norm.moving_variance.assign(np.full(4, 3600.0))
    kernel = model.layers[1].get_weights()[0]
    aware = quantization_aware(model, pictures=pixels())
    trained = next(layer for layer in aware.layers if isinstance(layer, layers.Conv2D)).get_weights()[0]
    np.testing.assert_allclose(trained, kernel, rtol=1e-4, atol=1e-6)


def test_a_scaled_model_is_saved_and_loaded(tmp_path):
    x = pixels()
    aware = quantization_aware(network(SCALINGS["scale and offset"](), layers.Conv2D(8, 3)), pictures=x)
    aware.save(tmp_path / "aware.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "aware.keras")(x), aware(x), atol=1e-5)


BEHIND = {
    "a number": lambda x: x * 0.01,
    "Rescaling": layers.Rescaling(0.01, 2.0),
    "frozen batch norm": layers.BatchNormalization(
        gamma_initializer=keras.initializers.Constant(0.01), moving_mean_initializer="ones", trainable=False
    ),
}


@pytest.mark.parametrize("scaled", BEHIND.values(), ids=BEHIND.keys())
@pytest.mark.parametrize("first", ["convolution", "depthwise convolution"])
def test_a_scaling_behind_a_layer_leaves_its_kernel_as_large(first, scaled, tmp_path):
    """As of a residual branch; the frozen model has it folded in, and answers alike."""
    keras.utils.set_random_seed(0)  # a sum half-way between two steps would be rounded to either
    image, x = keras.Input((12, 12, 4)), pixels() / 255
    layer = FIRST[first]()
    layer.activation = keras.activations.linear
    model = keras.Model(image, scaled(layer(image)))
    aware = quantization_aware(model, pictures=x)
    (rounded,) = (other for other in aware.layers if isinstance(other, type(layer)))
    np.testing.assert_allclose(rounded.get_weights()[0], layer.get_weights()[0], rtol=1e-4, atol=1e-6)
    aware.save(tmp_path / "aware.keras")
    answers = np.asarray(aware(x, training=False))
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "aware.keras")(x), answers, atol=1e-5)
    np.testing.assert_allclose(frozen(aware)(x, training=False), answers, atol=0.01 * np.ptp(answers))


def test_tfmot_trains_the_kernel_of_the_model_too():
    model = keras.Sequential([keras.Input((12, 12, 4)), normalization(), layers.Conv2D(8, 3), layers.Flatten()])
    kernel, x = model.layers[-2].get_weights()[0], pixels()
    aware = quantization_aware(model, method="tfmot", pictures=x)
    trained = [w for w in aware.get_weights() if w.shape == kernel.shape]
    np.testing.assert_allclose(trained[0], kernel, rtol=1e-4, atol=1e-6)
    (rounded,) = (layer for layer in native(aware).layers if isinstance(layer, layers.Conv2D))
    np.testing.assert_allclose(rounded.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(native(aware)(x), aware(x), atol=0.02 * np.ptp(model(x)))
