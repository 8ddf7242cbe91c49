"""An export that cannot fit into memory is refused before it starts; the estimate is near what was measured."""

import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns import UserError
from keras_cnns.support import memory
from keras_cnns.tflite import export
from keras_cnns.tflite.memory_needed import estimated_bytes

# GB that the process grew by, as measured by `benchmarks/memory.py NAME` on an idle machine.
MEASURED = {"mobilenet_v2": (0.0, 0.0)}


@pytest.fixture(scope="module")
def small():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(image))))


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_too_little_memory_is_one_line_and_no_file(scheme, small, tmp_path, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "0.25" if scheme == "int8" else "0.1")
    pictures = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    with pytest.raises(UserError, match=r"takes about \d+ MiB of memory, and \d+ MiB are free") as raised:
        export(small, tmp_path / "net.tflite", scheme=scheme, calibration=pictures)
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_the_estimate_is_near_what_was_measured(name):
    model = keras_cnns.build(name)
    for calibrated, measured in zip((False, True), MEASURED[name], strict=True):
        assert 0.67 * measured < estimated_bytes(model, calibrated=calibrated) / 1e9 < 1.5 * measured
