"""The ImageNet recipes as they stand, two steps under two replicas, on pictures with ImageNet's feature structure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
PAGES = sorted((HERE.parents[1] / "recipes").glob("*_imagenet.py"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_two_steps_under_two_replicas(page, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, str(HERE / "mock_imagenet.py"), str(page), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    values = json.loads(done.stdout.splitlines()[-1])
    assert values["classes"] == 1000 and np.isfinite(values["loss"])
