"""Models as other people make them: the file answers as the Keras model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_cnns.errors import UserError
from keras_cnns.tflite import export, predict

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 8, 8, 3)).astype("float32")


def seq(*stack):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((8, 8, 3)), *stack])


def snr_db(model, path, x=X):
    right, found = (np.asarray(v, np.float64) for v in (model.predict(x, verbose=0), predict(path, x)))
    return 10 * np.log10(np.sum(right**2) / max(np.sum((right - found) ** 2), 1e-20))


class LayerScale(layers.Layer):
    """Bears the name of one of Keras's, computes something else, and its config says nothing of `factor`."""

    def __init__(self, factor=3.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return self.factor * x * self.gamma + 1.0


def gate(x):
    return ops.relu(x) * ops.tanh(x)


CARRIED = {
    "a layer of the name of Keras's": lambda: [layers.Conv2D(4, 3), LayerScale(5.0)],
    "an activation that is a layer": lambda: [layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1))],
    "an activation that is a function": lambda: [layers.Conv2D(4, 3, activation=gate), layers.BatchNormalization()],
    "a lambda": lambda: [layers.Conv2D(4, 3), layers.Lambda(lambda x: x * 3)],
}


@pytest.mark.parametrize("stack", CARRIED.values(), ids=CARRIED.keys())
def test_what_no_config_says_is_carried_over(stack, tmp_path):
    model = seq(*stack())
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80


def test_the_next_file_has_what_was_changed_since_the_last(tmp_path):
    model = seq(layers.Conv2D(4, 3), layers.LeakyReLU(0.1), LayerScale(2.0), layers.Flatten(), layers.Dense(3))
    changes = [
        lambda: None,
        lambda: setattr(model.layers[1], "negative_slope", 0.7),
        lambda: setattr(model.layers[2], "factor", 9.0),
        lambda: setattr(model.layers[0], "activation", keras.activations.tanh),
        lambda: model.add(layers.Softmax()),
    ]
    for change in changes:
        change()
        model = keras.Sequential([keras.Input((8, 8, 3)), *model.layers])  # predict itself remembers what it traced
        export(model, tmp_path / "net.tflite", images=X)
        assert snr_db(model, tmp_path / "net.tflite") > 80


def test_a_global_policy_does_not_leak_into_the_file(tmp_path):
    model = seq(layers.Conv2D(4, 3, activation="silu"), layers.Flatten(), layers.Dense(3, activation="softmax"))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        export(model, tmp_path / "net.tflite", images=X)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert snr_db(model, tmp_path / "net.tflite") > 80


GIVEN = {
    "representative_dataset": lambda: lambda: ([X[i : i + 1]] for i in range(20)),
    "batches with labels, as lists": lambda: [[X[i : i + 8], np.zeros(8)] for i in range(0, 32, 8)],
    "pictures and labels": lambda: (X, np.zeros(32)),
    "dicts with more in them": lambda: tf.data.Dataset.from_tensor_slices({"image": X, "label": np.zeros(32)}).batch(8),
    "single pictures with labels": lambda: tf.data.Dataset.from_tensor_slices((X, np.zeros(32))),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_whatever_fit_takes_calibrates(given, tmp_path):
    model = seq(layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3))
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=given(), images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 20


def ended(call):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    return keras.Model(image, call(layers.Dense(4)(layers.Flatten()(image))))


KINDS = {
    "classifier": lambda z: layers.Identity()(layers.Reshape((4,))(ops.softmax(z))),
    "logits": lambda z: z,
    "multilabel": ops.sigmoid,
    "classes": lambda z: ops.argmax(z, axis=-1),
    "embedding": lambda z: layers.UnitNormalization()(z),
    "regression": lambda z: ops.exp(0.1 * z),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_output_is_is_told_from_the_end_of_the_graph(kind, tmp_path):
    report = export(ended(KINDS[kind]), tmp_path / "net.tflite", scheme="int8", calibration=X, images=X)
    assert report.status == "pass" and [c.kind for c in report.comparisons] == [kind]


def test_what_an_output_is_can_be_said(tmp_path):
    report = export(ended(KINDS["logits"]), tmp_path / "net.tflite", outputs="regression", images=X)
    assert report.comparisons[0].kind == "regression"
    with pytest.raises(UserError, match="say one of classifier"):
        export(ended(KINDS["logits"]), tmp_path / "net.tflite", outputs="numbers", images=X)


def test_half_a_split(tmp_path):
    image = keras.Input((8, 8, 3))
    first, _, third = ops.split(layers.Conv2D(8, 1)(image), [2, 5], axis=-1)
    model = keras.Model(image, layers.Conv2D(3, 1)(layers.Concatenate()([first, third])))
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=X)
    assert snr_db(model, tmp_path / "net.tflite") > 20


def test_an_open_size_is_that_of_the_pictures(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80
    with pytest.raises(UserError, match="open shape"):
        export(model, tmp_path / "net.tflite")
