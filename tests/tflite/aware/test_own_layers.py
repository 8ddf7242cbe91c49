"""Layers of the user's own in quantization-aware training: what they hold is trained, dropped and held as before."""

import threading

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.testing import randomize
from keras_cnns.tflite import quantization_aware


@keras.saving.register_keras_serializable("test_own_layers")
class Holder(layers.Layer):
    """A convolution followed by another layer."""

    def __init__(self, held, **kwargs):
        super().__init__(**kwargs)
        self.convolution, self.held = layers.Conv2D(6, 3), held

    def build(self, shape):
        self.convolution.build(shape)
        self.held.build(self.convolution.compute_output_shape(shape))

    def call(self, x, training=None):
        return self.held(self.convolution(x), training=training)


class Mixing(layers.Layer):
    """Adds noise from its own generator, which lies in a plain object beside a lock."""

    class Box:
        def __init__(self):
            self.lock, self.seeds = threading.Lock(), keras.random.SeedGenerator(3)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.box = self.Box()

    def call(self, x, training=None):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.box.seeds) if training else x


def pictures(count=16):
    return (2 + 3 * np.random.default_rng(0).normal(size=(count, 10, 10, 3))).astype("float32")


def network(*stack):
    ends = layers.GlobalAveragePooling2D(), layers.Dense(3)
    return randomize(keras.Sequential([keras.Input((10, 10, 3)), layers.Conv2D(4, 3), *stack, *ends]))


RANDOM = {
    "dropout": lambda: layers.Dropout(0.4),
    "noise": lambda: layers.GaussianNoise(1.0),
    "augmentation": lambda: layers.RandomTranslation(0.3, 0.3),
    "a pipeline of augmentations": lambda: layers.Pipeline([layers.RandomFlip(), layers.RandomTranslation(0.3, 0.3)]),
    "a generator beside a lock": Mixing,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM.keys())
def test_an_own_layer_with_random_parts_is_trained(make):
    """`fit` runs; training is random and inference is not; the random state is not that of the source model."""
    x, model = pictures(), network(Holder(make()))
    expected = model.predict(x, verbose=0)
    aware = quantization_aware(model, pictures=x)
    aware.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    states = [v.numpy() for v in model.variables if "seed" in v.path]
    assert np.isfinite(aware.fit(x, expected, 8, verbose=0).history["loss"]).all()
    assert not np.allclose(aware(x, training=True), aware(x, training=True))
    np.testing.assert_allclose(aware(x, training=False), expected, atol=0.1 * np.ptp(expected))
    for before, variable in zip(states, [v for v in model.variables if "seed" in v.path], strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


# Batch normalization inside other layers


@keras.saving.register_keras_serializable("test_own_layers")
class Inner(keras.Model):
    """A subclassed model without a graph of layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Conv2D(6, 3), layers.BatchNormalization()]

    def build(self, shape):
        self.parts[0].build(shape)
        self.parts[1].build(self.parts[0].compute_output_shape(shape))

    def call(self, x, training=None):
        return self.parts[1](self.parts[0](x), training=training)


class Doubled(layers.Wrapper):
    """A wrapper of the user's own."""

    def call(self, x, training=None):
        return 2 * self.layer(x, training=training)


@keras.saving.register_keras_serializable("test_own_layers")
class Normalization(layers.BatchNormalization):
    """Batch normalization under the user's own name."""


NORMALIZED = {
    "a subclass": lambda: network(Normalization()),
    "a subclass in an own block": lambda: network(Holder(Normalization())),
    "a subclass in TimeDistributed": lambda: network(
        layers.Reshape((4, 2, 8, 4)), layers.TimeDistributed(Normalization()), layers.Reshape((8, 8, 4))
    ),
    "an own block": lambda: network(Holder(layers.BatchNormalization())),
    "a wrapper": lambda: network(Doubled(layers.BatchNormalization())),
    "a subclassed model": lambda: network(Inner()),
    "a block in a block": lambda: network(Holder(Holder(layers.BatchNormalization()))),
    "TimeDistributed": lambda: network(
        layers.Reshape((4, 2, 8, 4)), layers.TimeDistributed(layers.BatchNormalization()), layers.Reshape((8, 8, 4))
    ),
}


def trained_without_steps(aware, x, expected):
    aware.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    aware.fit(x, expected, 8, epochs=2, verbose=0)
    return [v.numpy() for v in aware.variables if "moving_" in v.path]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", NORMALIZED.values(), ids=NORMALIZED.keys())
def test_statistics_inside_other_layers_stay(make):
    x, model = pictures(), make()
    aware = quantization_aware(model, pictures=x)
    before, answers = [v.numpy() for v in aware.variables if "moving_" in v.path], aware.predict(x, verbose=0)
    after = trained_without_steps(aware, x, answers)
    assert len(before) == 2 and all(map(np.array_equal, before, after))
    np.testing.assert_allclose(aware.predict(x, verbose=0), answers, atol=0.05 * np.ptp(answers))


def test_statistics_inside_other_layers_follow_the_batches_on_request():
    x, model = pictures(), network(Holder(layers.BatchNormalization()))
    aware = quantization_aware(model, pictures=x, hold_statistics=False)
    before = [v.numpy() for v in aware.variables if "moving_" in v.path]
    assert not any(map(np.array_equal, before, trained_without_steps(aware, x, model.predict(x, verbose=0))))


def test_a_subclass_of_batch_normalization_stays_held_after_loading(tmp_path):
    x, model = pictures(), network(Normalization())
    quantization_aware(model, pictures=x).save(tmp_path / "aware.keras")
    aware = keras.saving.load_model(tmp_path / "aware.keras")
    before = [v.numpy() for v in aware.variables if "moving_" in v.path]
    assert all(map(np.array_equal, before, trained_without_steps(aware, x, model.predict(x, verbose=0))))


def test_the_source_model_keeps_its_batch_normalization():
    model = network(Holder(layers.BatchNormalization()))
    quantization_aware(model)
    assert type(model.layers[1].held) is layers.BatchNormalization
