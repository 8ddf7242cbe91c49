"""Opening .keras files, the deep ones too."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.deep import with_room
from keras_cnns.saved import load_model
from keras_cnns.testing import randomize


def test_a_call_that_outgrows_the_stack_gets_a_longer_one():
    limit = sys.getrecursionlimit()

    def down(n):
        return n and 1 + down(n - 1)

    try:
        with pytest.raises(RecursionError):
            down(limit + 500)
        assert with_room(lambda: down(limit + 500)) == limit + 500
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no zip at all" * 100])
def test_a_damaged_file_is_named_in_one_line(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(UserError, match="cannot read .*model.keras") as error:
        load_model(tmp_path / "model.keras")
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_thousand_layers_come_back_in_a_new_process(tmp_path):
    model = randomize(build("resnet1001_v2_cifar", input_shape=(8, 8, 3)))
    model.save(tmp_path / "deep.keras")
    images = np.ones((1, 8, 8, 3), "float32")
    np.save(tmp_path / "answer.npy", model(images, training=False).numpy())
    code = (
        "import numpy as np, keras_cnns.saved as s; m = s.load_model('deep.keras');"
        "assert np.array_equal(m(np.ones((1, 8, 8, 3), 'float32'), training=False).numpy(), np.load('answer.npy'))"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **env}, capture_output=True)
    assert done.returncode == 0, done.stderr[-500:]
