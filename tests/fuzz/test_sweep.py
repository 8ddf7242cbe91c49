"""Everything Keras has ends in a right file or in one line; a sample here, all of it in the slow test."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.testing import randomize
from tests.fuzz import sweep
from tests.fuzz.sweep_layers import CASES, LEFT_OUT, known, net
from tests.fuzz.sweep_networks import HUGE, NETWORKS

SAMPLE = ["SeparableConv2D", "PReLU", "GRU", "MultiHeadAttention", "Embedding", "Lambda"]


def bad(rows):
    return [row for row in rows if row.outcome not in sweep.GOOD]


def test_no_layer_of_keras_is_forgotten():
    assert set(known()) - set(CASES) == set(LEFT_OUT) & set(known())
    assert not set(CASES) & set(LEFT_OUT)
    assert set(HUGE) <= set(NETWORKS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_the_layers(name, tmp_path):
    with sweep.one_child():
        rows, _ = sweep.layer_rows(name, 1, tmp_path)
    assert {row.mode for row in rows} == set(sweep.MODES) and not bad(rows)
    assert any(row.outcome == "right" for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_layer(name, tmp_path):
    with sweep.one_child():
        rows, _ = sweep.layer_rows(name, 5, tmp_path)
    assert not bad(rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_of_keras_applications(name, tmp_path):
    assert not bad(sweep.network_rows(name, tmp_path))


def test_the_sweep_sees_a_wrong_file_and_a_message_of_several_lines(tmp_path, monkeypatch):
    model, path = randomize(net("Conv2D", {"filters": 4, "kernel_size": 3}, "nested")), tmp_path / "net.tflite"
    inputs = sweep.numbers(model)
    assert sweep.tried(model, "float32", inputs, path) == ("right", "")
    predicted = sweep.predict
    monkeypatch.setattr(sweep, "predict", lambda *args: 1.001 * predicted(*args))
    assert sweep.tried(model, "float32", inputs, path)[0] == "wrong"

    def broken(*args, **options):
        raise KeyError("inside")

    monkeypatch.setattr(sweep, "export", broken)
    assert sweep.tried(model, "int8", inputs, path) == ("raised", "KeyError: 'inside'")


def test_answers_are_compared_where_they_are_numbers():
    first = np.array([1.0, np.inf, -2.0])
    assert sweep.difference(first, np.array([1.0, np.inf, -2.0002])) == pytest.approx(1e-4)
    assert sweep.difference(first, np.array([1.0, 3.0, -2.0])) == np.inf
    assert sweep.difference(first, first[:2]) == np.inf


def test_nets_have_the_layer_in_every_form():
    for form in sweep.FORMS:
        model = net("LeakyReLU", {"negative_slope": 0.3}, form)
        assert isinstance(model, keras.Sequential) is (form == "sequential")
        assert any(isinstance(layer, layers.LeakyReLU) for layer in model._flatten_layers())
