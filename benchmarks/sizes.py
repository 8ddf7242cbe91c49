"""Compares SPPnet with plain classifiers of the same stages on pictures of sizes that none was trained on.

    python benchmarks/sizes.py --seeds 0 1 2

All are trained on the embedded digits for the same number of epochs, SPPnet at the recipe's sizes in turn, the plain
ones at 64 pixels. SPPnet gets the test pictures at their size, and so does the plain classifier that pools over the
whole picture, the only plain one that takes any size. The one with fully connected layers over fixed positions gets
them resized to 64, which loses nothing of digits of 8 x 8 pixels. The script prints the held-out accuracy at each
size after the last epoch, and the mean of the seeds.
"""

import argparse

import numpy as np
import tensorflow as tf
from digits import finished

import keras_cnns
from keras_cnns.data.pipeline import load_arrays
from keras_cnns.training import find_recipe

SIZES = (48, 56, 72, 80, 96)
SPPNET = find_recipe("sppnet_digits")
SIDE = SPPNET.input_shape[0]
NETWORKS = {
    "sppnet": SPPNET,
    "pooled": SPPNET.but(sizes=(), overrides={**SPPNET.overrides, "pyramid": (1,)}),
    "resized": SPPNET.but(
        model=SPPNET.overrides["backbone"],
        sizes=(),
        overrides={**SPPNET.overrides["columns"], "fc": SPPNET.overrides["fc"], "dropout": SPPNET.overrides["dropout"]},
    ),
}


def accuracies(name, recipe, seed, out):
    """The accuracy on the held-out digits, for each of SIZES."""
    finished(name, recipe, seed, out)
    file = f"{out}/{name}-{seed}/model.keras"
    side = SIDE if name == "resized" else None
    how = {"classes": 10, "input_shape": (side, side, 3), "include_preprocessing": True, **recipe.overrides}
    model = keras_cnns.build(recipe.model, weights=file, **how)
    results = []
    for size in SIZES:
        images, labels, _ = load_arrays("digits", size=size)
        images = images.astype("float32")
        images = images if side is None else tf.image.resize(images, (side, side), antialias=True).numpy()
        answers = [model(images[i : i + 40], training=False) for i in range(0, len(images), 40)]
        results.append((np.concatenate(answers).argmax(-1) == labels).mean())
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--out", default="runs/sizes")
    flags = parser.parse_args()
    print(f"| network | {' | '.join(map(str, SIZES))} |", "| --- " * (len(SIZES) + 1) + "|", sep="\n")
    for name in flags.networks:
        mean = np.mean([accuracies(name, NETWORKS[name], seed, flags.out) for seed in flags.seeds], 0)
        print(f"| {name} | {' | '.join(f'{m:.4f}' for m in mean)} |", flush=True)


if __name__ == "__main__":
    main()
