"""Calibration without pictures: what is made up has the statistics that batch normalization kept."""

import keras
import numpy as np
import pytest

from keras_cnns.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.network import Network
from keras_cnns.tflite.quantize.synthetic import synthetic


def statistics(model, pictures):
    """How far mean and deviation of a channel are from what batch normalization kept, in deviations, on the mean."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    wrong = []
    for layer in layers:
        x = keras.Model(model.input, layer.input).predict(pictures, verbose=0).reshape(-1, layer.input.shape[-1])
        kept = np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        wrong += [np.abs(x.mean(0) - layer.moving_mean.numpy()) / kept, np.abs(x.std(0) / kept - 1)]
    return float(np.mean(np.concatenate(wrong)))


def test_every_batch_normalization_sees_what_it_saw_in_training(network):
    made, told = synthetic(Network.of(network))
    before, _ = synthetic(Network.of(network), steps=0)
    assert made["image"].shape == (16, 16, 16, 1) and "16 pictures" in told and "2 batch normalizations" in told
    assert statistics(network, made["image"]) < 0.4 * statistics(network, before["image"])


def test_a_file_calibrated_so_does_nearly_as_well_and_says_so(network, digits, tmp_path):
    (pictures, _), (images, labels) = digits
    given = {"scheme": "int8", "images": images[:300], "labels": labels[:300], "force": True}
    real = export(network, tmp_path / "a.tflite", calibration=pictures[:100], **given)
    made = export(network, tmp_path / "b.tflite", calibration="synthetic", **given)
    assert any("made up from the statistics of 2 batch normalizations, on no real one" in n for n in made.notes)
    assert not any("made up" in n for n in real.notes)
    assert made.status != "fail" and made.accuracy > real.accuracy - 0.02


def test_pixels_stay_pixels():
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3)(keras.layers.Rescaling(1 / 255)(x))
    model = keras.Model(image, keras.layers.BatchNormalization()(x))
    model.layers[-1].set_weights([np.ones(6), np.zeros(6), np.full(6, 4.0), np.full(6, 9.0)])
    (made,) = synthetic(Network.of(model), steps=10)[0].values()
    assert made.min() >= 0 and 200 < made.max() <= 255


def without():
    image = keras.Input((4, 4, 1))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))


def of_words():
    image = keras.Input((4,), dtype="int32")
    return keras.Model(image, keras.layers.BatchNormalization()(keras.layers.Embedding(9, 3)(image)))


@pytest.mark.parametrize("make", [without, of_words])
def test_a_network_that_keeps_no_statistics_of_pictures_is_refused(make, tmp_path):
    with pytest.raises(UserError, match="made from the statistics of batch normalization.*give real ones"):
        export(make(), tmp_path / "n.tflite", scheme="int8", calibration="synthetic")
