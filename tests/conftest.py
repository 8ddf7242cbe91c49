"""What every test shares: quiet TensorFlow, and a fresh start."""

import collections
import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest


@pytest.fixture(autouse=True, scope="module")
def _what_stays():
    """What outlives a file of tests, the libraries above all, is not looked through again at the end of each test."""
    yield
    gc.unfreeze()  # a fixture of this file may have been put among it
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_keras(_what_stays):
    """Layer names and memory start over with each test."""
    imported = len(sys.modules)
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()  # which collects the networks, gigabytes that Python would keep
        if len(sys.modules) > imported:
            gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items):
    """Of a test marked `sampled(n)` the first n sets of parameters run by default; the others are slow."""
    seen = collections.Counter()
    for item in items:
        if marker := item.get_closest_marker("sampled"):
            name = item.nodeid.partition("[")[0]
            seen[name] += 1
            if seen[name] > marker.args[0]:
                item.add_marker(pytest.mark.slow)
