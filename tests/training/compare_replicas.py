"""A process of its own with two logical CPUs: the same recipe on one device and on two replicas.

python compare_replicas.py RECIPE.json...: prints a line for each, its name and the largest differences, as JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_cnns.training import Recipe, train
from keras_cnns.training.distribute import logical_cpus


def difference(recipe):
    with tempfile.TemporaryDirectory() as folder:
        one, two = (
            train(recipe.but(strategy=s, replicas=n, out=f"{folder}/{s}"), quiet=True)
            for s, n in (("one", 0), ("mirrored", 2))
        )
    weights = [np.abs(a - b).max() for a, b in zip(one.model.get_weights(), two.model.get_weights(), strict=True)]
    return {
        "weights": float(max(weights)),
        "loss": abs(one.history[-1]["loss"] - two.history[-1]["loss"]),
        "held_out_loss": abs(one.metrics["loss"] - two.metrics["loss"]),
        "examples": [one.metrics["examples"], two.metrics["examples"]],
    }


if __name__ == "__main__":
    logical_cpus(2)
    for name in sys.argv[1:]:
        print(Path(name).stem, json.dumps(difference(Recipe.from_json(Path(name).read_text()))), flush=True)
