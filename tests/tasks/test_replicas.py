"""Segmentation and detection on two replicas compute what one does, with statistics over both or held ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cnns.training import Recipe
from tests.models.test_faster_rcnn import SMALL
from tests.training.test_replicas import environment

BACKBONE = {name: SMALL[name] for name in ("backbone", "columns")}
DETECTOR = {name: value for name, value in SMALL.items() if name not in ("classes", "input_shape")}
GIVEN = {name: value for name, value in DETECTOR.items() if name not in ("rpn", "scales", "before", "proposals")}
COMMON = {"input_shape": (32, 32, 3), "dataset": "scenes", "schedule": "constant", "learning_rate": 1e-3}
COMMON |= {"batch_size": 8, "max_steps": 4}
RECIPES = {
    "fcn": Recipe(model="fcn8s", overrides=BACKBONE, **COMMON),
    "fcn_held": Recipe(model="fcn8s", overrides=BACKBONE, hold_statistics=True, **COMMON),
    "fast": Recipe(model="fast_rcnn", overrides=GIVEN, **COMMON),
    "faster": Recipe(model="faster_rcnn", overrides=DETECTOR, **COMMON),
    "faster_held": Recipe(model="faster_rcnn", overrides=DETECTOR, hold_statistics=True, **COMMON),
}


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """One process on two logical CPUs does all the comparisons."""
    folder = tmp_path_factory.mktemp("recipes")
    for name, recipe in RECIPES.items():
        (folder / f"{name}.json").write_text(recipe.json())
    script = Path(__file__).parents[1] / "training" / "compare_replicas.py"
    command = [sys.executable, str(script), *(f"{name}.json" for name in RECIPES)]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RECIPES))
def test_two_replicas_are_one(differences, name):
    result = differences[name]
    assert result["weights"] < 1e-5 and result["loss"] < 1e-4
    assert result["held_out"] < 1e-3
