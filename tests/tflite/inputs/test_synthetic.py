"""Calibration without pictures: synthetic pictures have the statistics that batch normalization kept."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnns.data import load_arrays
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.inputs.synthetic import synthetic

TRAINED = Path(__file__).parents[1] / "trained"


def synthesized(model, **options):
    """`synthetic` for a model: the pictures by input name, and the note on them."""
    float_model = FloatModel.of(model)
    return synthetic(float_model.graph, float_model.inputs, [e.kind for e in float_model.endings()], **options)


def statistics(model, pictures):
    """How far mean and deviation of a channel are from what batch normalization kept, in deviations, on the mean."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    wrong = []
    for layer in layers:
        x = keras.Model(model.input, layer.input).predict(pictures, verbose=0).reshape(-1, layer.input.shape[-1])
        kept = np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        wrong += [np.abs(x.mean(0) - layer.moving_mean.numpy()) / kept, np.abs(x.std(0) / kept - 1)]
    return float(np.mean(np.concatenate(wrong)))


@pytest.mark.slow
def test_every_batch_normalization_sees_what_it_saw_in_training(network):
    result, message = synthesized(network)
    before, _ = synthesized(network, steps=0)
    assert result["image"].shape == (16, 16, 16, 1)
    assert "16 synthetic pictures" in message and "2 batch normalizations" in message
    assert statistics(network, result["image"]) < 0.4 * statistics(network, before["image"])


@pytest.mark.slow
def test_a_file_calibrated_so_does_nearly_as_well_and_says_so(network, digits, tmp_path):
    (pictures, _), (images, labels) = digits
    options = {"scheme": "int8", "images": images[:300], "labels": labels[:300], "force": True}
    real = export(network, tmp_path / "a.tflite", calibration=pictures[:100], **options)
    report = export(network, tmp_path / "b.tflite", calibration="synthetic", **options)
    assert any("synthetic pictures made from the statistics of 2 batch" in n for n in report.notes)
    assert not any("synthetic" in n for n in real.notes)
    assert report.status != "fail" and report.accuracy > real.accuracy - 0.02


def sure(model, steps=40):
    """How sure the model is of the class that each synthetic picture was meant for, on the mean."""
    (result,) = synthesized(model, steps=steps)[0].values()
    wanted = np.arange(len(result)) % model.output_shape[-1]
    return float(model.predict(result, verbose=0)[np.arange(len(result)), wanted].mean())


@pytest.mark.slow
def test_scores_go_as_far_as_those_of_real_pictures(tmp_path):
    """What lies behind the last batch normalization has no statistics: noise is of no class, and scores are cut off."""
    model = load_model(TRAINED / "resnet8_cifar.keras")
    assert sure(model, steps=0) < 0.2 and sure(model) > 0.5
    model = load_model(TRAINED / "resnet8_digits.keras")
    images, labels, _ = load_arrays("digits", "test", size=32)
    options = {"calibration": "synthetic", "images": images, "labels": labels, "force": True}
    report = export(model, tmp_path / "net.tflite", scheme="int8", **options)
    assert report.accuracy_drop <= 0.006 and report.snr_db > 30


def test_pixels_stay_pixels():
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3)(keras.layers.Rescaling(1 / 255)(x))
    model = keras.Model(image, keras.layers.BatchNormalization()(x))
    model.layers[-1].set_weights([np.ones(6), np.zeros(6), np.full(6, 4.0), np.full(6, 9.0)])
    (result,) = synthesized(model, steps=10)[0].values()
    assert result.min() >= 0 and 200 < result.max() <= 255


def without():
    image = keras.Input((4, 4, 1))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))


def of_words():
    image = keras.Input((4,), dtype="int32")
    return keras.Model(image, keras.layers.BatchNormalization()(keras.layers.Embedding(9, 3)(image)))


@pytest.mark.parametrize("make", [without, of_words])
def test_a_network_that_keeps_no_statistics_of_pictures_is_refused(make, tmp_path):
    with pytest.raises(UserError, match="needs batch normalization with statistics.*give real pictures"):
        export(make(), tmp_path / "n.tflite", scheme="int8", calibration="synthetic")
