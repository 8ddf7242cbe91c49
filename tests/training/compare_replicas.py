"""A process of its own with two logical CPUs: the same work on one device and on two replicas.

python compare_replicas.py [uneven:]RECIPE.json ...: prints a line for each, its name and the differences, as JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.tasks.base import recipe_model
from keras_cnns.training import Recipe, train
from keras_cnns.training.distribute import logical_cpus, strategy
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.steps import Steps


def largest(arrays, others):
    return float(max(np.abs(a - b).max() for a, b in zip(arrays, others, strict=True)))


def trained(recipe):
    """Whole runs: weights, the loss of the epoch, the held-out loss and score."""
    with tempfile.TemporaryDirectory() as folder:
        first, two = (
            train(recipe.but(strategy=s, replicas=n, out=f"{folder}/{s}"), quiet=True)
            for s, n in (("one", 0), ("mirrored", 2))
        )
    result = {
        "weights": largest(first.model.get_weights(), two.model.get_weights()),
        "loss": abs(first.history[-1]["loss"] - two.history[-1]["loss"]),
        "held_out": abs(first.metrics[first.score] - two.metrics[two.score]),
    }
    if "loss" in first.metrics:
        result["held_out_loss"] = abs(first.metrics["loss"] - two.metrics["loss"])
        result["examples"] = [first.metrics["examples"], two.metrics["examples"]]
    return result


def uneven(recipe):
    """Three steps by hand on batches of 5, 5 and 1: shares of 3 and 2, and one replica that gets nothing."""
    rng = np.random.default_rng(3)
    pictures = rng.uniform(0, 255, (11, *recipe.input_shape)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((pictures, rng.integers(0, 4, 11))).batch(5)

    def weights(name, replicas):
        place = strategy(name, replicas=replicas)
        keras.utils.set_random_seed(4)
        with place.scope():
            model = recipe_model.build_for_training(recipe, 4)
            optimizer = Optimizer(recipe, model.trainable_variables)
        steps = Steps(recipe, tasks.of(recipe), place, model, optimizer, range(4), [], [])
        iterator = iter(place.experimental_distribute_dataset(batches))
        sums = steps.train(iterator, tf.constant([recipe.learning_rate] * 3))
        return [w.numpy() for w in model.weights], sums.numpy()

    (first, counted), (two, counted_too) = weights("one", 0), weights("mirrored", 2)
    assert all(np.isfinite(w).all() for w in two)
    return {"weights": largest(first, two), "sums": [counted.tolist(), counted_too.tolist()]}


if __name__ == "__main__":
    logical_cpus(2)
    for word in sys.argv[1:]:
        how, _, file = word.rpartition(":")
        recipe = Recipe.from_json(Path(file).read_text())
        found = uneven(recipe) if how == "uneven" else trained(recipe)
        print(json.dumps({"name": how or Path(file).stem, **found}), flush=True)
