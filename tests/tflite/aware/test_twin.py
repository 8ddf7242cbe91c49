"""The tf_keras twin answers as the Keras 3 model does, tfmot trains it, and it comes back without a loss."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite import export
from keras_cnns.tflite.aware import api, fake_quant
from keras_cnns.tflite.aware import convert as aware_convert
from keras_cnns.tflite.targets import runner

tf_keras = pytest.importorskip("tf_keras")
pytest.importorskip("tensorflow_model_optimization")
from keras_cnns.tflite.aware import quantized_twin, twin  # noqa: E402


def twin_of(make, shape=(8, 8, 4)):
    inputs = keras.Input(shape)
    model = randomize(keras.Model(inputs, make(inputs)))
    return model, twin.Twin(model)


def same(model, other, x):
    theirs, ours = model.predict(x, verbose=0), other.predict(x, verbose=0)
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


LAYERS = {
    "batch norm before and after": lambda x: layers.BatchNormalization()(
        layers.Conv2D(4, 3, use_bias=False)(layers.ReLU()(layers.BatchNormalization()(x)))
    ),
    "padding of channels": lambda x: ops.pad(x, [[0, 0], [0, 0], [0, 0], [1, 2]]),
    "padding of rows and columns": lambda x: layers.MaxPooling2D(3, 2)(ops.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]])),
    "hard-swish, alone": lambda x: layers.Activation("hard_silu")(x),
    "silu, gelu, hard-sigmoid": lambda x: layers.Activation("hard_sigmoid")(ops.silu(layers.Activation("gelu")(x))),
    "average pooling, padded": lambda x: layers.AveragePooling2D(3, 1, "same")(layers.MaxPooling2D(1, 2)(x)),
    "leaky relu": lambda x: layers.LeakyReLU(negative_slope=0.1)(x),
    "separable": lambda x: layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", activation="relu6")(x),
    "transposed": lambda x: layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x),
    "arithmetic": lambda x: (2 * x + 1) * x - layers.Average()([x, 3 - x]),
    "a dense layer over channels": lambda x: layers.Dense(3, activation="sigmoid")(x),
    "normalizations": lambda x: layers.GroupNormalization(2)(layers.LayerNormalization()(x)),
    "a nested model": lambda x: keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(3, 3)])(layers.Dropout(0.5)(x)),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_the_twin_answers_alike_and_comes_back(make):
    model, result = twin_of(make)
    x = 4 * pictures(4, (8, 8, 4)) - 2
    assert isinstance(result.model, tf_keras.Model)
    same(model, result.model, x)
    same(model, result.back(), x)


def test_weights_trained_in_the_twin_come_back():
    model, result = twin_of(lambda x: layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(x)))
    x = pictures(16, (8, 8, 4))
    result.model.compile(tf_keras.optimizers.SGD(0.1), "mse")
    result.model.fit(x, np.zeros((16, 6, 6, 4)), verbose=0)
    back = result.back()
    same(result.model, back, x)
    assert not np.allclose(back.get_layer("conv").kernel, model.get_layer("conv").kernel)
    assert not np.allclose(back.get_layer("bn").moving_mean, model.get_layer("bn").moving_mean)


def test_tfmot_trains_with_statistics_held_unless_they_are_released():
    model, _ = twin_of(lambda x: layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(x)))
    x = 3 + pictures(16, (8, 8, 4))
    for hold in (True, False):
        aware = api.quantization_aware(model, method="tfmot", hold_statistics=hold)
        bn = next(w.layer for w in aware.layers if getattr(w, "layer", None) and w.layer.name == "bn")
        gamma, _, *before = bn.get_weights()
        aware.compile(tf_keras.optimizers.SGD(0.1), "mse")
        aware.fit(x, np.zeros((16, 6, 6, 4)), verbose=0)
        assert all(map(np.allclose, (bn.moving_mean, bn.moving_variance), before)) is hold
        assert not np.allclose(bn.gamma, gamma)


NETWORKS = [
    "MobileNetV3Small",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "EfficientNetB0",
    "ResNet50",
    "ResNet50V2",
    "DenseNet121",
]
NETWORKS += ["InceptionV3", "Xception", "VGG16", "NASNetMobile", "EfficientNetV2B0", "ConvNeXtTiny"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_keras_applications_have_a_twin_that_tfmot_quantizes(name):
    shape = (80, 80, 3) if "ception" in name else (32, 32, 3)
    model = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=10)
    x = pictures(4, shape)
    same(model, twin.Twin(model).model, x)
    aware = api.quantization_aware(model, method="tfmot", pictures=x)
    rounded, back = aware.predict(x, verbose=0), quantized_twin.back(aware).predict(x, verbose=0)
    # Two libraries' sums differ in the last bit, and so at the edge of a step; many layers make more of it.
    difference = np.abs(rounded - back)
    assert difference.mean() < 0.005 and difference.max() < 0.05


@pytest.fixture(scope="module")
def trained(network, digits):
    """The digits network after two epochs with tfmot."""
    (x, y), _ = digits
    aware = api.quantization_aware(network, method="tfmot", pictures=x[:200])
    aware.compile(tf_keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    aware.fit(x, y, 64, epochs=2, verbose=0)
    return aware


@pytest.mark.slow
def test_the_file_agrees_with_what_tfmot_trained(trained, network, digits, tmp_path):
    _, (x, y) = digits
    theirs = trained.predict(x, verbose=0)
    back = quantized_twin.back(trained)
    assert fake_quant.is_quantization_aware(back)
    difference = np.abs(back.predict(x, verbose=0) - theirs)  # two libraries' last bits, and so here and there a step
    assert np.mean(difference > 0.02) < 0.001 and difference.max() < 0.05
    (tmp_path / "model.tflite").write_bytes(aware_convert.convert(trained))
    ours = runner.predict(tmp_path / "model.tflite", x)
    assert np.mean(theirs.argmax(1) == ours.argmax(1)) >= 0.98
    float_accuracy = np.mean(network.predict(x, verbose=0).argmax(1) == y)
    assert np.mean(ours.argmax(1) == y) > float_accuracy - 0.02


@pytest.mark.slow
def test_export_takes_it_as_it_is(trained, digits, tmp_path):
    _, (x, y) = digits
    report = export(trained, tmp_path / "model.tflite", scheme="int8", images=x, labels=y)
    assert report.status == "pass" and report.scheme == "int8_qat" and report.agreement >= 0.98
    with pytest.raises(UserError, match=r"tf_keras.Sequential is not a keras.Model: give one of Keras 3"):
        export(tf_keras.Sequential([tf_keras.layers.Dense(2)]), tmp_path / "model.tflite")


@pytest.mark.slow
def test_pictures_save_the_ranges_from_tfmots_first_guess(network, digits):
    (x, _), (test, y) = digits
    aware = api.quantization_aware(network, method="tfmot", pictures=x[:100])
    float_accuracy = np.mean(network.predict(test, verbose=0).argmax(1) == y)
    assert np.mean(aware.predict(test, verbose=0).argmax(1) == y) > float_accuracy - 0.03


def test_shared_layers_and_layers_without_a_counterpart_are_refused():
    inputs = keras.Input((8, 8, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="twice")
    with pytest.raises(UserError, match="'twice' is called twice"):
        twin.Twin(keras.Model(inputs, conv(conv(inputs))))
    with pytest.raises(UserError, match=r"'odd' \(STFTSpectrogram\) has no counterpart in tf_keras"):
        sound = keras.Input((100, 1))
        twin.Twin(keras.Model(sound, layers.STFTSpectrogram(name="odd", frame_length=20, frame_step=10)(sound)))
    with pytest.raises(UserError, match="the model itself"):
        quantized_twin.back(keras.Model(inputs, conv(inputs)))


PROCESS = """
import os, sys
import keras
from keras_cnns.tflite.aware import twin
assert "TF_USE_LEGACY_KERAS" not in os.environ
import tensorflow
assert tensorflow.keras.__version__ == keras.__version__ and keras.__version__.startswith("3.")
inputs = keras.Input((4,))
keras.Model(inputs, keras.layers.Dense(2)(inputs)).compile("adam", "mse")
print("clean")
"""

MISSING = """
import sys
sys.modules["tensorflow_model_optimization"] = None
import keras
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware import api, convert as aware_convert, fake_quant
inputs = keras.Input((4,))
try:
    api.quantization_aware(keras.Model(inputs, keras.layers.Dense(2)(inputs)), method="tfmot")
except UserError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("script", "message"), [(PROCESS, "clean"), (MISSING, "pip install keras_cnns[qat]")])
def test_the_process_keeps_its_keras_and_a_missing_tfmot_is_named(script, message):
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert message in done.stdout, done.stderr[-2000:]
