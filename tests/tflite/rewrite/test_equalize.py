"""Int8 after training: channels of unlike size in front of a depthwise convolution keep their bits."""

import numpy as np
import pytest

from keras_cnns.graph.reader import read
from keras_cnns.tflite import Tuning, build_file, export
from keras_cnns.tflite.rewrite.equalize import EQUAL, prepared_equally
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from tests.tflite.aware.test_equalize import LIKE, UNLIKE, X, answers, network


def decibels(model, path):
    options = {"calibration": X, "images": X, "tuning": Tuning.plain(), "force": True}
    return export(model, path, scheme="int8", **options).snr_db


def equal(model):
    graph = prepared_equally(read(model), None, LITERT_REWRITES)
    return graph and graph.build()


@pytest.mark.parametrize(
    ("activation", "sizes", "gain"),
    [("relu", UNLIKE, 10), pytest.param("hard_silu", np.geomspace(0.3, 4, 8), 2, marks=pytest.mark.slow)],
)
def test_an_int8_file_keeps_the_bits_of_small_channels(activation, sizes, gain, tmp_path, monkeypatch):
    model = network(activation, sizes, epsilon=1e-7)
    better = decibels(model, tmp_path / "equal.tflite")
    monkeypatch.setattr(build_file, "prepared_equally", lambda *arguments: None)
    assert better > decibels(model, tmp_path / "unlike.tflite") + gain


@pytest.mark.parametrize("activation", ["relu", "hard_silu"])
@pytest.mark.parametrize("trainable", [True, False])
def test_no_answer_changes(activation, trainable):
    """Frozen layers too: only a training may not change them."""
    model = network(activation, UNLIKE, trainable=trainable)
    changed = equal(model)
    assert any(layer.name.endswith(EQUAL) for layer in changed.layers) == (activation == "hard_silu")
    np.testing.assert_allclose(answers(changed), answers(model), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("activation", "options"), [("relu6", {}), ("relu", {"read_twice": True}), ("hard_silu", {"read_twice": True})]
)
def test_what_cannot_be_scaled_exactly_is_left(activation, options):
    assert equal(network(activation, UNLIKE, **options)) is None


def test_channels_of_like_ranges_are_left():
    assert equal(network("hard_silu", LIKE)) is None
