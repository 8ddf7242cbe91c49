"""What every test shares: quiet TensorFlow, and a fresh start."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest


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
