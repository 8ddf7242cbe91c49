"""A recipe that prunes: the zeros are there at the end, in the averages too, and a stopped run ends with the same."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.compress.kernels import large_kernels
from keras_cnns.training import Recipe, train
from keras_cnns.training.pruned_run import PrunedRun
from keras_cnns.training.report import Report

PRUNED = Recipe(
    model="lenet5",
    input_shape=(32, 32, 1),
    optimizer="adam",
    learning_rate=3e-3,
    batch_size=64,
    epochs=2,
    ema=0.9,
    prune=0.8,
)


class Stopped(Exception):
    pass


def zeros(model):
    return [np.mean(kernel.numpy() == 0) for kernel in large_kernels(model)]


def test_kernels_and_their_averages_have_the_zeros_of_the_schedule():
    model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(30)])
    kernel = model.layers[0].kernel
    average = tf.Variable(kernel.value)
    pruning = PrunedRun(PRUNED, model, {id(kernel.value): average})
    assert [pruning.steps_until_change(step, 400) for step in (0, 1, 2, 3)] == [3, 2, 1, 3]
    assert not pruning.has_settled(150, 400) and pruning.has_settled(300, 400)
    for step, expected in ((150, 0.7), (151, 0.7), (300, 0.8)):
        pruning.after_step(step, 400)
        assert np.mean(kernel.numpy() == 0) == np.mean(average.numpy() == 0) == pytest.approx(expected, abs=1e-3)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply([tf.ones(kernel.shape)], [kernel])
    assert np.mean(kernel.numpy() == 0) == pytest.approx(0.8, abs=1e-3)
    model.layers[0].kernel.constraint = None  # as after a restart: a checkpoint has the weights only
    resumed = PrunedRun(PRUNED, model, {})
    optimizer.apply([tf.ones(kernel.shape)], [kernel])
    assert resumed.has_settled(400, 400) and np.mean(kernel.numpy() == 0) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_zeros(tmp_path, monkeypatch):
    full = train(PRUNED.but(out=str(tmp_path / "full"), steps_per_call=3), quiet=True)
    assert zeros(full.model) == pytest.approx([0.8] * len(zeros(full.model)), abs=1e-3)
    facts = json.loads((full.folder / "metrics.json").read_text())
    assert 0.7 < facts["sparsity"] < 0.8 and full.metrics["accuracy"] > 0.7

    def stop(self, values, *rest):
        if values["step"] >= 15:
            raise Stopped

    parts = PRUNED.but(out=str(tmp_path / "parts"), checkpoint_every=5)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Report, "step", stop)
        train(parts, quiet=True)
    for a, b in zip(full.model.get_weights(), train(parts, quiet=True).model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_the_best_model_is_one_with_all_zeros(tmp_path):
    result = train(PRUNED.but(out=str(tmp_path / "run"), epochs=4, patience=1), quiet=True)
    assert zeros(keras.saving.load_model(result.best)) == pytest.approx([0.8] * 3, abs=1e-3)


def test_a_fraction_of_one_is_refused():
    with pytest.raises(UserError, match="prune"):
        PRUNED.but(prune=1.0)
