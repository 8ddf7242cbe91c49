"""Processor seconds of the epochs of a training with frozen layers, with and without `cache_features`.

    python benchmarks/feature_cache.py [--model mobilenet_v2] [--size 224] [--pictures 400] [--json FILE]

The pictures are synthetic JPEGs, a quarter of them held out. The first epoch starts after the network is built: it
includes the tracing of the step and, with the cache, the features. Every epoch includes the evaluation, a checkpoint
and, if its score is the best so far, the model file. The largest difference of the final weights is printed, too.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from input_pipeline import make_pictures

from keras_cnns.support.atomic_files import write_json
from keras_cnns.training import Recipe, trainer
from keras_cnns.training.feature_cache import FeatureCache
from keras_cnns.training.trainer import Run


class TimedRun(Run):
    """Notes the processor time after each epoch."""

    def __init__(self, recipe):
        self.times = []
        times = self.times

        class TimedCache(FeatureCache):
            def __init__(self, *arguments):
                times.append(time.process_time())
                super().__init__(*arguments)

        trainer.FeatureCache = TimedCache
        super().__init__(recipe, quiet=True)

    def _checkpoint(self):
        super()._checkpoint()
        self.times.append(time.process_time())


def measure(recipe):
    """(processor seconds of each epoch, final weights)."""
    run = TimedRun(recipe)
    weights = run.result().model.get_weights()
    return np.diff(run.times).round(3).tolist(), weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, path in enumerate(make_pictures(folder / "pictures", options.pictures)):
            if number // 2 % 4 == 0:
                held_out = Path(path.replace("/train/", "/test/"))
                held_out.parent.mkdir(parents=True, exist_ok=True)
                Path(path).rename(held_out)
        recipe = Recipe(
            options.model,
            input_shape=(options.size, options.size, 3),
            dataset=f"folder:{folder / 'pictures'}",
            freeze="features",
            epochs=options.epochs,
            batch_size=32,
            learning_rate=0.01,
        )
        pictures, theirs = measure(recipe.but(out=f"{folder}/pictures-run"))
        kept, ours = measure(recipe.but(out=f"{folder}/features-run", cache_features=f"{folder}/cache"))
    figures = {
        "pictures": pictures,
        "features": kept,
        "second of first": kept[1] / kept[0],
        "second of second without the cache": kept[1] / pictures[1],
        "difference": float(max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))),
    }
    for row in figures.items():
        print(*row)
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
