"""Measures how many pictures a network needs, with ImageNet's weights and from random weights.

    python benchmarks/transfer.py --weights efficientnet-lite0-57934424.pth --data-dir DIR \\
        --doc docs/measurements/transfer.md

Four ways, all with recipes/fine_tune.py: only the classifier on frozen features; the whole network from the weights
of the file; first the one, then the other at a tenth of the learning rate; the whole network from random weights. The
pictures are the first of each class of the data set in DIR, written to folders. Finished runs are only read, stopped
ones are resumed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from fine_tuned import given
from PIL import Image
from sections import save_figure

from keras_cnns.data import load_arrays
from keras_cnns.support.atomic_files import write_text
from keras_cnns.training import Augment, find_recipe, train

EPOCHS = {10: 20, 100: 8, 1000: 2}  # by the pictures a class: about as many steps as time allows
SCRATCH = 3  # times as many epochs where nothing is known yet
WAYS = ("classifier on frozen features", "frozen, then all", "all at once", "from random weights")
PAGE = """# How many pictures a network needs

`{model}` at {size} pixels on {dataset}. The table has the accuracy on {test:,} test pictures (one is {step:.4f})
after training with `recipes/fine_tune.py` on the first pictures of each class.

Settings: batch 32, Adam along a cosine, one seed. The learning rate is 1e-3 for the classifier alone, 1e-4 for the
whole network after that, and 3e-4 for the whole network at once (1e-3 stayed at chance with 10 and with 100 pictures
in each class). Networks with random weights get {scratch} times as many epochs, and their batch normalization follows
the batches.

Written by `python benchmarks/transfer.py --weights FILE --data-dir DIR --doc docs/measurements/transfer.md`.

| pictures a class | epochs | {ways} |
| --- | --- | {rule} |
{rows}

![Accuracy by pictures in each class](../images/transfer.png)
"""


def write_pictures(folder, pictures, labels, names, limit):
    """folder/CLASS/NUMBER.png: the first `limit` of each class."""
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(pictures[labels == number][:limit]):
            Image.fromarray(picture).save(folder / name / f"{i:04d}.png")


def folders(args, count):
    """The folder with `count` pictures a class to train on and args.test in all to judge by."""
    root = Path(args.out) / f"pictures-{count}"
    if len([*root.rglob("*.png")]) < 10 * count + args.test:  # not there yet, or stopped
        for split, limit in (("train", count), ("test", args.test // 10)):
            pictures, labels, names = load_arrays(args.dataset, split, size=32, data_dir=args.data_dir)
            write_pictures(root / split, pictures, np.asarray(labels), names, limit)
    return root


def accuracy(args, way, count):
    """Of the network trained so on so many pictures a class."""
    recipe = find_recipe("fine_tune").but(
        model=args.model,
        weights=args.weights,
        input_shape=(args.size, args.size, 3),
        dataset=f"folder:{folders(args, count)}",
        augment=Augment(pad=args.size // 8, mirror=True),
        epochs=EPOCHS[count],
        steps_per_call=5,
    )
    head = recipe.but(freeze="features", out=f"{args.out}/frozen-{count}")
    if way == WAYS[0]:
        recipe = head
    elif way == WAYS[1]:
        trained = train(head, quiet=True).folder / "model.keras"
        recipe = recipe.but(weights=str(trained), learning_rate=1e-4, out=f"{args.out}/then-{count}")
    elif way == WAYS[2]:
        recipe = recipe.but(learning_rate=3e-4, out=f"{args.out}/all-{count}")
    else:
        more = {"weights": None, "hold_statistics": False, "batch_norm_momentum": 0.9}
        recipe = recipe.but(epochs=SCRATCH * EPOCHS[count], out=f"{args.out}/scratch-{count}", **more)
    return train(recipe, quiet=True).metrics["accuracy"]


def draw(result, path):
    """A curve for each way, the pictures a class on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure((6, 4), layout="constrained")
    axes = figure.subplots()
    for way, marker in zip(WAYS, "osD^", strict=True):
        axes.plot(list(EPOCHS), [result[way, count] for count in EPOCHS], marker=marker, label=way)
    axes.set(xscale="log", xlabel="pictures a class", ylabel="accuracy on test pictures", ylim=(0, 1))
    axes.set_xticks(list(EPOCHS), [f"{count:,}" for count in EPOCHS])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save_figure(figure, path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given(parser, size=64)
    parser.add_argument("--out", default="runs/transfer")
    parser.add_argument("--doc", help="write the page here, and its picture beside it")
    args = parser.parse_args()
    results = {}
    for count in EPOCHS:
        for way in WAYS:
            results[way, count] = accuracy(args, way, count)
            print(json.dumps([count, way, results[way, count]]), flush=True)
    if args.doc:
        draw(results, Path(args.doc).parents[1] / "images" / "transfer.png")
        rows = [
            f"| {count:,} | {EPOCHS[count]} | {' | '.join(f'{results[way, count]:.3f}' for way in WAYS)} |"
            for count in EPOCHS
        ]
        known = {
            "model": args.model,
            "size": args.size,
            "dataset": {"cifar10": "CIFAR-10"}.get(args.dataset, args.dataset),
        }
        known |= {"test": args.test, "step": 1 / args.test, "scratch": SCRATCH, "ways": " | ".join(WAYS)}
        write_text(args.doc, PAGE.format(rows="\n".join(rows), rule=" | ".join(["---"] * len(WAYS)), **known))


if __name__ == "__main__":
    main()
