"""The tutorials are scripts that run in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = {  # what each prints, and a file that it writes
    "classifier": ("pass", "photos.kt"),
    "detector": ("pass", "drawn/00.png"),
    "microcontroller": ("on tflite-micro:", "digits.tflite"),
}


def test_every_tutorial_is_here():
    assert {path.stem for path in (ROOT / "docs/tutorials").glob("*.py")} == set(TUTORIALS)


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_in_an_empty_folder(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = ROOT / "docs/tutorials" / f"{name}.py"
    run = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    printed, written = TUTORIALS[name]
    assert run.returncode == 0, run.stderr[-2000:]
    assert printed in run.stdout and (tmp_path / written).is_file()
