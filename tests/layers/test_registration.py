"""A saved model loads in a new process after `import keras_cnns`, before or after Keras, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from keras_cnns.layers import GroupedConv2D

ASKED = "import keras_cnns, importlib.util; importlib.util.find_spec('keras'); import keras"


@pytest.mark.parametrize("first", ["import keras_cnns, keras", "import keras; import keras_cnns", ASKED])
def test_a_new_process_knows_the_layers(first, tmp_path):
    image = keras.Input((9, 7, 8))
    keras.Model(image, GroupedConv2D(8, 3, groups=4)(image)).save(tmp_path / "model.keras")
    code = f"{first}; print(type(keras.saving.load_model('model.keras').layers[1]).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=_environment()
    )
    assert done.stdout.strip() == "GroupedConv2D", done.stderr


def test_importing_the_package_still_loads_no_keras():
    code = "import keras_cnns, sys; print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment())
    assert done.stdout.split() == ["False", "False"], done.stderr


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
