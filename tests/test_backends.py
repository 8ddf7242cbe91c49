"""The same networks on Keras's JAX and torch backends: TensorFlow's weights give TensorFlow's answers, to 1e-4."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnns import build, list_models
from keras_cnns.registry.registry import counts, entry
from keras_cnns.testing import pictures, randomize
from tests.weights.parity import settle

BACKENDS = ("jax", "torch")

# The smallest of each family; without its classifier where that needs the published size or is most of the network.
FAMILIES = {}
for name in sorted(set(list_models()) & set(counts()), key=lambda name: (counts()[name]["params"], name)):
    FAMILIES.setdefault(entry(name).family, name)
NAMES = sorted(FAMILIES.values())


def record(folder):
    """Writes TensorFlow's weights, pictures and answers of every family."""
    assert keras.backend.backend() == "tensorflow"
    for name in NAMES:
        net = entry(name).variant
        side = max(net.min_size, 32)
        shape = (side, side + 3, net.input_shape[-1])
        model = randomize(build(name, input_shape=shape, include_top=False))
        images = pictures(2, shape)
        settle(model, images)
        model.save_weights(Path(folder) / f"{name}.weights.h5")
        np.savez(Path(folder) / f"{name}.npz", images=images, answer=model(images, training=False).numpy())


def answer(folder, backend):
    """Writes this backend's answers."""
    assert keras.backend.backend() == backend
    for name in NAMES:
        images = np.load(Path(folder) / f"{name}.npz")["images"]
        weights = Path(folder) / f"{name}.weights.h5"
        model = build(name, weights=weights, input_shape=images.shape[1:], include_top=False)
        y = keras.ops.convert_to_numpy(model(images, training=False))
        np.save(Path(folder) / f"{name}.{backend}.npy", y)


def run(backend, function, *arguments):
    """Calls a function of this file in a process of its own: a backend is chosen once."""
    call = f"import tests.test_backends as own; own.{function}(*{tuple(map(str, arguments))})"
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-W", "ignore", "-c", call], env=environment, check=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not any(map(find_spec, BACKENDS)):
        pytest.skip("neither jax nor torch is installed")
    folder = tmp_path_factory.mktemp("backends")
    run("tensorflow", "record", folder)
    return folder


@pytest.fixture(scope="module", params=BACKENDS)
def answers(request, folder):
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    run(request.param, "answer", folder, request.param)
    return {name: np.load(folder / f"{name}.{request.param}.npy") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_other_backends_answer_as_tensorflow_does(name, folder, answers):
    expected = np.load(folder / f"{name}.npz")["answer"]
    assert np.std(expected[0] - expected[1]) > 1e-3 * np.abs(expected).max(), "the pictures must matter"
    assert np.abs(answers[name] - expected).max() < 1e-4 * np.abs(expected).max()
