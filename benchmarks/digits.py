"""Measures the held-out accuracy of several families on handwritten digits, and the effect of depth without shortcuts.

    python benchmarks/digits.py --doc docs/measurements/digits.md
    python benchmarks/digits.py resnet56 plain56 --seeds 1

Every run has its own folder below runs/digits. Finished runs are only read, stopped ones are resumed.
"""

import argparse
import csv
import json
import statistics
from pathlib import Path

from keras_cnns.support.atomic_files import write_text
from keras_cnns.training import Augment, Recipe, find_recipe, train

SGD = Recipe(
    "resnet20_cifar",
    augment=Augment(pad=4),
    learning_rate=0.1,
    weight_decay=1e-4,
    warmup_epochs=1,
    epochs=8,
    batch_size=32,
    batch_norm_momentum=0.9,
    steps_per_call=11,
)
ADAM = SGD.but(optimizer="adam", learning_rate=3e-3, weight_decay=0.0, augment=Augment(pad=2), epochs=20)
DEEP = SGD.but(input_shape=(16, 16, 3), augment=Augment(pad=2), epochs=12)
FAMILIES = {
    "lenet5": find_recipe("lenet5_digits"),
    "resnet20": find_recipe("resnet20_digits"),
    "mobilenet_v2": find_recipe("mobilenet_v2_digits"),
    "densenet_bc": SGD.but(model="densenet_bc_100_12_cifar", overrides={"depths": [4, 4, 4]}, epochs=10),
    "googlenet_bn": ADAM.but(model="googlenet_bn", epochs=12),
    "wide_resnet": SGD.but(model="wrn_16_8_cifar", overrides={"widths": [32, 64, 128]}),
    "efficientnet_b0": ADAM.but(model="efficientnet_b0", overrides={"width": 0.5, "drop_connect": 0.0}),
}
DEPTH = {"resnet56": DEEP.but(model="resnet56_cifar"), "plain56": DEEP.but(model="plain56_cifar")}
NETWORKS = {**FAMILIES, **DEPTH}

PAGE = """# Accuracy on real pictures: the handwritten digits

The data are the 1,797 scanned digits of the UCI repository, 8x8 pixels, enlarged. A fixed fifth (360) is held out.
The accuracy on it is that of the last epoch's weights. Seconds are those of the fastest run, on one shared x86-64
core. Written by

    python benchmarks/digits.py --doc docs/measurements/digits.md

{families}

## Depth without shortcuts

He et al. 2015 (1512.03385, Fig. 6) found that a plain network of 56 layers trains worse than the residual network of
the same depth. The two differ only in the shortcuts.

{depth}

{gap}
"""


def finished(name, recipe, seed, out):
    """What a run came to; it is trained unless its folder says so already."""
    folder = Path(out) / f"{name}-{seed}"
    recipe = recipe.but(seed=seed, out=str(folder), strategy="one")
    file = folder / "metrics.json"
    if not file.exists() or recipe.differs(Recipe.from_json((folder / "recipe.json").read_text())):
        train(recipe, quiet=True)
    values = json.loads(file.read_text())
    with (folder / "history.csv").open() as history:
        *_, last = csv.DictReader(history)
    print(f"{name} seed {seed}: {values['accuracy']:.4f}, {values['seconds']:.0f} s", flush=True)
    return {**values, "train_loss": float(last["loss"])}


def table(rows):
    """Markdown: a line for each (name, recipe, runs)."""
    lines = ["| | network | pixels | parameters | training | loss at the end | accuracy | mean | seconds |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, recipe, runs in rows:
        columns = ", ".join(f"{k} {v}" for k, v in recipe.overrides.items())
        network = f"`{recipe.model}`" + (f" with {columns}" if columns else "")
        training = f"{recipe.optimizer}, {recipe.learning_rate:g}, {recipe.epochs} epochs"
        accuracies = ", ".join(f"{run['accuracy']:.4f}" for run in runs)
        cells = [name, network, f"{recipe.input_shape[0]}x{recipe.input_shape[1]}", f"{runs[0]['parameters']:,}"]
        cells += [training, f"{mean(runs, 'train_loss'):.3f}", accuracies, f"**{mean(runs, 'accuracy'):.4f}**"]
        cells.append(f"{min(run['seconds'] for run in runs):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def mean(runs, what):
    return statistics.mean(run[what] for run in runs)


def page(runs):
    """The documentation's page from {name: runs} of all networks."""
    rows = {name: (name, recipe, runs[name]) for name, recipe in NETWORKS.items()}
    residual, plain = (runs[name] for name in DEPTH)
    gap = 100 * (mean(residual, "accuracy") - mean(plain, "accuracy"))
    gap_sentence = f"The gap is {gap:.1f} points of accuracy, mean of {len(plain)} seeds."
    families, depth = (table([rows[name] for name in names]) for names in (FAMILIES, DEPTH))
    return PAGE.format(families=families, depth=depth, gap=gap_sentence)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help=f"of {', '.join(NETWORKS)}; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", default="runs/digits")
    parser.add_argument("--doc", help="write all networks' tables to this page")
    args = parser.parse_args()
    if args.doc and args.networks:
        parser.error("--doc is for all networks together")
    for name in args.networks:
        if name not in NETWORKS:
            parser.error(f"there is no {name}")
    runs = {name: [] for name in args.networks or NETWORKS}
    for seed in range(args.seeds):
        for name in runs:
            runs[name].append(finished(name, NETWORKS[name], seed, args.out))
    print(table([(name, NETWORKS[name], result) for name, result in runs.items()]))
    if args.doc:
        write_text(args.doc, page(runs))


if __name__ == "__main__":
    main()
