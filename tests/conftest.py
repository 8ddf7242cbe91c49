"""What every test shares: quiet TensorFlow, and weights that are not the defaults."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import pytest


def randomize(model, seed=0):
    """Fills every variable: kernels as a trained net has them, gains, offsets and statistics away from 1 and 0.

    Fresh weights make every softmax alike and batch normalization the identity, and so hide errors.
    """
    rng = np.random.default_rng(seed)
    sums = sum(type(layer).__name__ == "Add" for layer in model.layers)
    gain = min(2, 50 / max(sums, 1))  # 2 keeps a signal's size through a ReLU; in many sums it would grow past sense
    for layer in model.layers:
        for v in layer.weights:
            shape, name = v.shape, v.path.rsplit("/", 1)[-1]
            if name in ("gamma", "moving_variance", "variance"):
                value = rng.uniform(0.5, 1.5, shape)
            elif name in ("beta", "bias", "moving_mean", "mean"):
                value = rng.normal(0, 0.2, shape)
            elif name == "count":
                continue
            else:
                fan_in = np.prod(shape[:-2] if "Depthwise" in type(layer).__name__ else shape[:-1])
                value = rng.normal(0, (gain / fan_in) ** 0.5, shape)
            v.assign(value.astype("float32"))
        if hasattr(layer, "finalize_state"):  # Normalization computes with constants made from its variables
            layer.finalize_state()
    return model


def pictures(count, shape, seed=0, high=1.0):
    """Pictures that differ in more than noise: coarse patterns under fine ones, values 0 .. high, [count, *shape]."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    coarse = rng.uniform(0, 1, (count, 4, 4, channels))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    fine = rng.uniform(0, 1, (count, *shape))
    return (high * (0.7 * coarse[:, rows][:, :, columns] + 0.3 * fine)).astype("float32")


@pytest.fixture(autouse=True)
def _fresh_keras(request):
    """Layer names and memory start over with each test; a slow one's networks are gigabytes, which Python keeps."""
    yield
    import gc
    import sys

    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    if request.node.get_closest_marker("slow"):
        gc.collect()
