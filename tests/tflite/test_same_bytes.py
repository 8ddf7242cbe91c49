"""Exports of one model are the same bytes, in another folder and process, with one thread or two."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import keras
import numpy as np
from keras_cnns import build, tflite

keras.utils.set_random_seed(0)
model = build("lenet5")
pictures = np.random.default_rng(0).uniform(0, 1, (32, *model.input_shape[1:])).astype("float32")
for scheme in ("float32", "int8"):
    tflite.export(model, f"{scheme}.tflite", scheme=scheme, calibration=pictures, images=pictures, force=True)
"""


def exported(folder, threads):
    """{name: bytes} of the files that a process of its own writes."""
    folder.mkdir()
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(names, str(threads))}
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, env=environment, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_exports_are_the_same_bytes(tmp_path):
    first = exported(tmp_path / "one thread", 1)
    assert set(first) == {"float32.tflite", "int8.tflite"}
    assert exported(tmp_path / "two threads", 2) == first
