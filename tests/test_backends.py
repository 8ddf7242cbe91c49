"""The same networks on Keras's JAX and torch backends: TensorFlow's weights give TensorFlow's answers, to 1e-4."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from keras_cnns import build, list_models
from keras_cnns.models import counts
from keras_cnns.registry import entry
from tests.conftest import pictures, randomize
from tests.weights.parity import settle

BACKENDS = [backend for backend in ("jax", "torch") if find_spec(backend)]

# The smallest of each family; without its classifier where that needs the published size or is most of the network.
FAMILIES = {}
for name in sorted(set(list_models()) & set(counts()), key=lambda name: (counts()[name]["params"], name)):
    FAMILIES.setdefault(entry(name).family, name)
NAMES = sorted(FAMILIES.values())

# Keras's torch backend repeats the edge where TensorFlow's "same" average pooling, padded on one side, leaves it out.
OTHERWISE = {("torch", "nin_cifar")}

SCRIPT = """
import sys
from pathlib import Path
import keras, numpy as np
from keras_cnns import build
assert keras.backend.backend() == sys.argv[2]
for path in sorted(Path(sys.argv[1]).glob("*.weights.h5")):
    name = path.name.split(".")[0]
    images = np.load(path.with_name(f"{name}.npz"))["images"]
    model = build(name, weights=path, input_shape=images.shape[1:], include_top=False)
    answer = keras.ops.convert_to_numpy(model(images, training=False))
    np.save(path.with_name(f"{name}.{sys.argv[2]}.npy"), answer)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """TensorFlow's weights, pictures and answers of every family."""
    folder = tmp_path_factory.mktemp("backends")
    for name in NAMES:
        net = entry(name).variant
        side = max(net.min_size, 32)
        shape = (side, side + 3, net.input_shape[-1])
        model = randomize(build(name, input_shape=shape, include_top=False))
        images = pictures(2, shape)
        settle(model, images)
        model.save_weights(folder / f"{name}.weights.h5")
        np.savez(folder / f"{name}.npz", images=images, answer=model(images, training=False).numpy())
    return folder


@pytest.fixture(scope="module", params=BACKENDS)
def answers(request, folder):
    """The other backend's answers, computed in a process of its own: a backend is chosen once."""
    environment = {**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder), request.param], env=environment, check=True
    )
    return request.param, {name: np.load(folder / f"{name}.{request.param}.npy") for name in NAMES}


@pytest.mark.skipif(not BACKENDS, reason="neither jax nor torch is installed")
@pytest.mark.parametrize("name", NAMES)
def test_other_backends_answer_as_tensorflow_does(name, folder, answers):
    expected = np.load(folder / f"{name}.npz")["answer"]
    assert np.std(expected[0] - expected[1]) > 1e-3 * np.abs(expected).max(), "the pictures must matter"
    backend, actual = answers
    if (backend, name) in OTHERWISE:
        pytest.xfail("Keras's torch backend pads average pooling otherwise")
    assert np.abs(actual[name] - expected).max() < 1e-4 * np.abs(expected).max()
