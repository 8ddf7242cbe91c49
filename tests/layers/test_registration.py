"""A saved model loads in a new process once the layers are registered by a visible call or import."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from keras_cnns.layers import GroupedConv2D

PLAIN = "keras.saving.load_model('model.keras')"


def run(code, folder):
    """(what a new process prints, its error output)."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=environment)
    return done.stdout.strip(), done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, image = tmp_path_factory.mktemp("registration"), keras.Input((9, 7, 8))
    keras.Model(image, GroupedConv2D(8, 3, groups=4)(image)).save(folder / "model.keras")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "load"),
    [
        ("import keras, keras_cnns.layers", PLAIN),
        ("import keras_cnns", "keras_cnns.load_model('model.keras')"),
        ("import keras, keras_cnns; keras_cnns.build('lenet5')", PLAIN),
    ],
    ids=["layers", "load_model", "build"],
)
def test_a_new_process_knows_the_layers(before, load, folder):
    printed, errors = run(f"{before}; print(type({load}.layers[1]).__name__)", folder)
    assert printed == "GroupedConv2D", errors


def test_importing_the_package_changes_nothing_in_the_process(folder):
    code = (
        "import sys; before = list(sys.meta_path); import keras_cnns;"
        "print(sys.meta_path == before, 'keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    printed, errors = run(code, folder)
    assert printed.split() == ["True", "False", "False"], errors
