"""An export that cannot fit into memory is refused before it starts; the estimate is near what was measured."""

import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns import UserError
from keras_cnns.support import memory
from keras_cnns.tflite import export
from keras_cnns.tflite.memory_needed import estimated_bytes

# By how many GB the process grew in float32 and in int8, as `benchmarks/memory.py NAME` measured it.
MEASURED = {
    "mobilenet_v2": (0.32, 0.60),
    "efficientnet_lite0": (0.32, 0.60),
    "resnet50": (0.70, 0.93),
    "vgg16": (2.87, None),  # in int8 not measured
}


@pytest.fixture(scope="module")
def small():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(image))))


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_too_little_memory_is_one_line_and_no_file(scheme, small, tmp_path, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "0.3" if scheme == "int8" else "0.1")
    pictures = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    with pytest.raises(UserError, match=r"takes about \d+ MiB of memory, and \d+ MiB are free") as raised:
        export(small, tmp_path / "net.tflite", scheme=scheme, calibration=pictures)
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_the_estimate_is_near_what_was_measured(name):
    model = keras_cnns.build(name)
    for calibrated, measured in zip((False, True), MEASURED[name], strict=True):
        if measured is not None:
            assert measured / 1.5 < estimated_bytes(model, calibrated=calibrated) / 1e9 < 1.5 * measured
