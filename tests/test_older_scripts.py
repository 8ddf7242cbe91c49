"""Scripts written for 0.1.0 still run: a recipe, an export script, old import paths."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDER = Path(__file__).parent / "older"


def run(folder, script, *flags):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default::DeprecationWarning"}
    command = [sys.executable, str(OLDER / script), *flags]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_recipe_and_the_export_of_its_checkpoint(tmp_path):
    trained = run(tmp_path, "recipe.py", "--epochs", "3")
    assert trained.returncode == 0, trained.stderr
    assert json.loads((tmp_path / "runs/older/metrics.json").read_text())["accuracy"] > 0.8
    exported = run(tmp_path, "export.py")
    assert exported.returncode == 0, exported.stderr
    reports = json.loads((tmp_path / "runs/older/tflite/report.json").read_text())
    assert [(report["scheme"], report["status"]) for report in reports] == [("float32", "pass"), ("int8", "pass")]
    assert "import from keras_cnns.export_scripts.script" in exported.stderr


def test_old_import_paths():
    code = "import warnings; warnings.simplefilter('error'); from keras_cnns.tflite.pages.any_model import run"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "DeprecationWarning: import" in done.stderr
