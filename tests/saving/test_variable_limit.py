"""A file cannot make Keras take memory that its own weights do not account for."""

import json
import threading
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.saving import keras_file
from keras_cnns.saving.keras_file import load_model
from keras_cnns.saving.variable_limit import variable_limit
from keras_cnns.support.errors import UserError

HUGE = 10**9


def network(*stack, shape=(4, 4, 3)):
    x = image = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(image, x)


def altered(path, model, change):
    """The file of `model` after `change(its configuration)`; its weights stay as they are."""
    model.save(path)
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            change(config["config"]["layers"])
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(entries["config.json"])
    change(config["config"]["layers"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (entries | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, content)
    return path


def set_last(**settings):
    return lambda rows: rows[-1]["config"].update(settings)


def wide_input(rows):
    rows[0]["config"]["batch_shape"] = [None, HUGE]
    rows[-1].pop("build_config", None)


CASES = {
    "dense": (lambda: network(layers.Flatten(), layers.Dense(2)), set_last(units=HUGE)),
    "convolution": (lambda: network(layers.Conv2D(2, 3)), set_last(filters=HUGE)),
    "depthwise": (lambda: network(layers.DepthwiseConv2D(3)), set_last(depth_multiplier=HUGE)),
    "a number beyond 64 bits": (lambda: network(layers.Conv2D(2, 3)), set_last(filters=10**30)),
    "recurrent": (lambda: network(layers.Bidirectional(layers.GRU(2)), shape=(5, 3)), lambda rows: gru(rows[-1])),
    "nested": (
        lambda: network(keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(2, 3)])),
        lambda rows: set_last(filters=HUGE)(rows[-1]["config"]["layers"]),
    ),
    "normalization": (lambda: network(layers.Normalization(mean=0.5, variance=1.0), shape=(4,)), wide_input),
    "adapted": (lambda: network(layers.Normalization(), shape=(4,)), wide_input),
}


def gru(row):
    row["config"]["layer"]["config"]["units"] = HUGE


@pytest.fixture
def no_large_array(monkeypatch):
    """Fails where an initializer makes more than 2^24 elements, before it does."""
    for name in ("GlorotUniform", "Zeros", "Ones", "OrthogonalInitializer"):
        kind = getattr(keras.initializers, name)
        original = kind.__call__

        def limited(self, shape, *args, _original=original, **kwargs):
            assert np.prod([int(size) for size in shape], dtype=float) <= 2**24, f"an array {shape}"
            return _original(self, shape, *args, **kwargs)

        monkeypatch.setattr(kind, "__call__", limited)
    original = keras.ops.broadcast_to

    def broadcast_to(x, shape):
        assert np.prod(shape, dtype=float) <= 2**24, f"an array {shape}"
        return original(x, shape)

    monkeypatch.setattr(keras.src.layers.preprocessing.normalization.ops, "broadcast_to", broadcast_to)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("case", CASES)
def test_a_description_of_huge_layers_is_refused_before_memory_is_taken(case, suffix, tmp_path, no_large_array):
    make, change = CASES[case]
    path = altered(tmp_path / f"net.{suffix}", make(), change)
    with pytest.raises(UserError, match="describes layers with at least .* of weights, and .* allow 64 MiB") as error:
        load_model(path)
    assert "\n" not in str(error.value)


def test_afterwards_keras_is_as_it_was(tmp_path):
    before = [vars(keras.Variable).get("__init__"), vars(layers.Normalization)["build"]]
    make, change = CASES["dense"]
    path = altered(tmp_path / "net.keras", make(), change)
    with pytest.raises(UserError):
        load_model(path)
    assert [vars(keras.Variable).get("__init__"), vars(layers.Normalization)["build"]] == before
    keras.Variable(np.zeros(3))


def test_a_limit_holds_for_its_own_thread_and_ends_with_its_context():
    made, ready, done = [], threading.Event(), threading.Event()

    def other():
        with variable_limit(2**30):
            ready.set()
            done.wait(30)
            made.append(keras.Variable(np.zeros(5000, "float32")))

    thread = threading.Thread(target=other)
    with variable_limit(64):
        thread.start()
        ready.wait(30)
        keras.Variable(np.zeros(8, "float32"))  # 32 bytes
        keras.Variable("zeros", shape=(4, 2), dtype="float16")  # 16 bytes
        with pytest.raises(UserError, match="at least 88 bytes"):
            keras.Variable("zeros", shape=(10,))
    made.append(keras.Variable("zeros", shape=(100,)))
    done.set()
    thread.join()
    assert len(made) == 2 and "__init__" not in vars(keras.Variable)


SOUND = {
    "bidirectional": lambda: network(layers.Bidirectional(layers.LSTM(3)), shape=(5, 3)),
    "shared": lambda: shared(layers.Conv2D(3, 3, padding="same")),
    "nested": CASES["nested"][0],
    "time distributed": lambda: network(layers.TimeDistributed(layers.Dense(2)), shape=(5, 3)),
    "normalization": CASES["normalization"][0],
    "seeds": lambda: network(layers.RandomFlip(seed=3), layers.Dropout(0.5)),
}


def shared(layer):
    image = keras.Input((4, 4, 3))
    return keras.Model(image, layer(layer(image)))


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_file_asks_for_little_more_than_it_stores(case, tmp_path, monkeypatch):
    """Loaded without the 64 MiB that any file may ask for."""
    monkeypatch.setattr(keras_file, "LEAST_LIMIT", 0)
    model = SOUND[case]()
    model.compile("adam", "mse")  # the state of an optimizer is stored, and is not loaded
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "net.keras")
    loaded = load_model(tmp_path / "net.keras")
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
