"""A model's own training behaviour is kept in its quantization-aware form, or the user is warned."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from keras_cnns.tflite import export, predict, quantization_aware


def pictures(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def network(shape, *stack, kind=keras.Model):
    inputs = x = keras.Input(shape)
    for layer in (*stack, layers.GlobalAveragePooling2D(), layers.Dense(3, name="scores")):
        x = layer(x)
    return randomize(kind(inputs, x))


# Open sizes


@pytest.mark.parametrize("shape", [(None, None, 3), (None, 16, 3)])
def test_open_sizes_need_no_pictures(shape):
    model, x = network(shape, layers.Conv2D(6, 3, activation="relu")), pictures(8, 20, 16, 3)
    aware = quantization_aware(model)
    aware(x, training=True)
    expected = model(x)
    np.testing.assert_allclose(aware(x, training=False), expected, atol=0.1 * np.ptp(expected))


def test_open_sizes_take_pictures_of_one_size(tmp_path):
    model, x = network((None, None, 3), layers.Conv2D(6, 3, activation="relu")), pictures(24, 20, 28, 3)
    aware = quantization_aware(model, pictures=x)
    assert export(aware, tmp_path / "net.tflite", scheme="int8", images=x).status == "pass"


def test_an_open_model_that_takes_none_of_the_tried_sizes_asks_for_pictures():
    model = network((None, None, 3), layers.Conv2D(4, 3), layers.Reshape((17, 19, 4)))
    with pytest.raises(UserError, match="pictures=") as error:
        quantization_aware(model)
    assert "\n" not in str(error.value) and "calibration" not in str(error.value)
    quantization_aware(model, pictures=pictures(4, 19, 21, 3))


# Frozen variables


@pytest.mark.parametrize("rank", [1, 2])
def test_lora_is_refused_by_name(rank):
    model = network((8, 8, 3), layers.Conv2D(6, 3), layers.Dense(8, name="low_rank"))
    model.get_layer("low_rank").enable_lora(rank)
    with pytest.raises(UserError, match="'low_rank' has LoRA"):
        quantization_aware(model)


def test_a_variable_frozen_by_hand_is_refused_by_name():
    model = network((8, 8, 3), layers.Conv2D(6, 3, name="first"))
    model.get_layer("first").kernel.trainable = False
    with pytest.raises(UserError, match="'first' is trainable but its kernel is not"):
        quantization_aware(model)
    model.get_layer("first").trainable = False
    assert len(quantization_aware(model).trainable_variables) == 2


# Training steps


class Doubled(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


class OwnLoss(keras.Model):
    def compute_loss(self, *args, **kwargs):
        return 2 * super().compute_loss(*args, **kwargs)


@pytest.mark.parametrize(("kind", "method"), [(Doubled, "train_step"), (OwnLoss, "compute_loss")])
def test_a_training_step_that_is_lost_is_a_warning(kind, method):
    with pytest.warns(UserWarning, match=f"has its own {method}") as caught:
        quantization_aware(network((8, 8, 3), layers.Conv2D(4, 3), kind=kind))
    assert any(w.filename == __file__ for w in caught if method in str(w.message))


def test_a_model_of_keras_gives_no_warning(recwarn):
    quantization_aware(network((8, 8, 3), layers.Conv2D(4, 3)))
    assert not any("quantization-aware" in str(w.message) for w in recwarn)


# Activity regularizers


def seen(x):
    """A regularizer of the user's own."""
    return 0.01 * keras.ops.sum(keras.ops.abs(x))


REGULARIZED = {
    "the layer ActivityRegularization": lambda: [layers.Conv2D(6, 3), layers.ActivityRegularization(l1=0.02, l2=0.1)],
    "a convolution with relu": lambda: [layers.Conv2D(6, 3, activation="relu", activity_regularizer="l2")],
    "a convolution before batch norm": lambda: [
        layers.Conv2D(6, 3, activity_regularizer="l2"),
        layers.BatchNormalization(),
        layers.ReLU(),
    ],
    "a function of the user's own": lambda: [layers.Conv2D(6, 3, activation="silu", activity_regularizer=seen)],
    "an activation layer": lambda: [layers.Conv2D(6, 3), layers.Activation("relu", activity_regularizer="l1")],
    "batch norm": lambda: [layers.Conv2D(6, 3), layers.BatchNormalization(activity_regularizer="l2")],
    "a separable convolution": lambda: [layers.SeparableConv2D(6, 3, activation="relu", activity_regularizer="l2")],
    "a dense layer over channels": lambda: [layers.Dense(6, activation="relu6", activity_regularizer="l1")],
    "the input": lambda: [layers.ActivityRegularization(l2=0.1), layers.Conv2D(6, 3)],
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", REGULARIZED.values(), ids=REGULARIZED.keys())
@pytest.mark.parametrize("fold", [False, True])
def test_activity_regularizers_measure_what_they_measured(make, fold):
    model, x = network((10, 10, 3), *make()), pictures(8, 10, 10, 3)
    aware = quantization_aware(model, pictures=x, fold=fold)
    for each in (model, aware):
        each(x, training=False)
    loss = float(sum(model.losses))
    assert loss > 0 and float(sum(aware.losses)) == pytest.approx(loss, rel=0.03)


@pytest.mark.slow
def test_a_regularized_output_keeps_its_name_and_its_file_is_that_of_the_plain_model(tmp_path):
    files, x = [], pictures(24, 8, 8, 3)
    for regularizer in (None, "l2"):
        inputs = keras.Input((8, 8, 3), name="pixels")
        first = layers.Conv2D(6, 3, activation="relu", activity_regularizer=regularizer)(inputs)
        end = layers.Dense(3, name="scores", activity_regularizer=regularizer)(layers.GlobalAveragePooling2D()(first))
        aware = quantization_aware(randomize(keras.Model(inputs, end, name="net")), pictures=x)
        assert aware.output_names == ["scores"]
        path = tmp_path / f"{regularizer}.tflite"
        export(aware, path, scheme="int8", images=x)
        files.append(predict(path, x))
    np.testing.assert_array_equal(*files)


def test_a_regularized_model_is_saved_and_loaded(tmp_path):
    model, x = (
        network((8, 8, 3), layers.Conv2D(4, 3, activation="relu", activity_regularizer="l2")),
        pictures(8, 8, 8, 3),
    )
    aware = quantization_aware(model, pictures=x)
    aware.save(tmp_path / "aware.keras")
    loaded = keras.models.load_model(tmp_path / "aware.keras")
    for each in (aware, loaded):
        each(x)
    assert float(sum(loaded.losses)) == pytest.approx(float(sum(aware.losses)))


# Layers added afterwards


@pytest.mark.slow
@pytest.mark.parametrize("nested", [False, True])
def test_a_head_behind_an_aware_base_is_named_in_the_report(nested, tmp_path):
    base, x = network((8, 8, 3), layers.Conv2D(6, 3, activation="relu")), pictures(24, 8, 8, 3)
    aware = quantization_aware(base, pictures=x)
    inputs = keras.Input((8, 8, 3)) if nested else aware.input
    features = aware(inputs) if nested else aware.output
    model = keras.Model(inputs, layers.Dense(4, name="late_head")(features))
    report = export(model, tmp_path / "net.tflite", scheme="int8", images=x, force=True)
    assert any("late_head stayed in float32" in note for note in report.notes)
    assert not any(
        "stayed" in n for n in export(aware, tmp_path / "a.tflite", scheme="int8", images=x, force=True).notes
    )
    with pytest.raises(UserError, match="already quantization-aware"):
        quantization_aware(model)


# Regularizers and constraints of weights


def test_a_regularizer_of_a_batch_norm_that_is_folded_is_a_warning():
    norm = layers.BatchNormalization(gamma_regularizer="l2", name="norm")
    model = network((8, 8, 3), layers.Conv2D(6, 3, activation="relu"), norm)
    with pytest.warns(UserWarning, match="a regularizer of norm/gamma, which its quantization-aware form does not"):
        quantization_aware(model)


def test_a_constraint_of_a_kernel_that_takes_a_scaling_is_a_warning():
    model = network((8, 8, 3), layers.Rescaling(1 / 255), layers.Conv2D(6, 3, kernel_constraint="max_norm", name="c"))
    with pytest.warns(UserWarning, match="a constraint of c/kernel, which its quantization-aware form does not have"):
        quantization_aware(model)


def test_regularizers_and_constraints_that_stay_give_no_warning(recwarn):
    norm = layers.BatchNormalization(gamma_regularizer="l2", gamma_constraint="non_neg")
    first = layers.Conv2D(6, 3, kernel_regularizer="l2", kernel_constraint="max_norm", use_bias=False)
    model = network((8, 8, 3), first, norm, layers.ReLU(), layers.SeparableConv2D(4, 3, pointwise_regularizer="l1"))
    aware = quantization_aware(model)
    assert not any("quantization-aware" in str(w.message) for w in recwarn)
    for role, count in (("regularizer", 3), ("constraint", 2)):
        assert sum(getattr(v, role, None) is not None for v in aware.trainable_variables) == count
