"""A run folder that an earlier version wrote: read, gone on with, evaluated, as if nothing had moved since.

`older_run/` holds a run of two epochs on the digits that was killed after 21 steps, and the same run whole.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_cnns.saving.keras_file import load_model
from keras_cnns.training import Recipe
from keras_cnns.training.evaluation import evaluate_files
from keras_cnns.training.trainer import Run

OLDER = Path(__file__).parent / "older_run"


def recipe(folder):
    return Recipe.from_json((OLDER / folder / "recipe.json").read_text(encoding="utf-8"))


def test_a_killed_one_goes_on_to_the_weights_it_would_have_had(tmp_path):
    shutil.copytree(OLDER / "stopped", tmp_path / "run")
    run = Run(recipe("stopped").but(out=str(tmp_path / "run")), quiet=True)
    assert run.values["step"] == 21
    result = run.result()
    full = load_model(OLDER / "finished" / "model.keras")
    for there, here in zip(full.get_weights(), result.model.get_weights(), strict=True):
        np.testing.assert_allclose(here, there, atol=1e-5)  # other processors round otherwise


def test_what_it_trained_is_evaluated_the_same(tmp_path):
    metrics = json.loads((OLDER / "finished" / "metrics.json").read_text(encoding="utf-8"))
    result = evaluate_files([OLDER / "finished" / "model.keras"], recipe("finished").but(out=str(tmp_path)))
    assert result["accuracy"] == pytest.approx(metrics["accuracy"], abs=1e-6)
    assert result["examples"] == metrics["examples"]
