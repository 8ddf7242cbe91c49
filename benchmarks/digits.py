"""Held-out accuracy of several families on the handwritten digits: mean over seeds, as a table with times.

    python benchmarks/digits.py --seeds 3 --json digits.json
    python benchmarks/digits.py --families resnet56 plain56     # does the plain net train as well?

The runs lie in runs/digits and go on from there when they were stopped.
"""

import argparse
import statistics

from keras_cnns.files import write_json
from keras_cnns.training import Augment, Recipe, find_recipe, train

SGD = Recipe(
    "resnet20_cifar",
    augment=Augment(pad=3),
    learning_rate=0.1,
    weight_decay=1e-4,
    warmup_epochs=1,
    epochs=12,
    batch_size=32,
    batch_norm_momentum=0.9,
    steps_per_call=11,
)
ADAM = SGD.but(optimizer="adam", learning_rate=3e-3, weight_decay=0.0, augment=Augment(pad=2), epochs=60)
FAMILIES = {
    "lenet5": find_recipe("lenet5_digits"),
    "resnet20": find_recipe("resnet20_digits"),
    "mobilenet_v2": find_recipe("mobilenet_v2_digits"),
    "densenet": SGD.but(model="densenet_40_12_cifar", overrides={"depths": [4, 4, 4]}),
    "googlenet_bn": ADAM.but(model="googlenet_bn", epochs=20),
    "wide_resnet": SGD.but(model="wrn_16_8_cifar", overrides={"widths": [32, 64, 128]}, epochs=6),
    "efficientnet_b0": ADAM.but(model="efficientnet_b0", overrides={"width": 0.5, "drop_connect": 0.0}),
    "resnet56": SGD.but(model="resnet56_cifar", epochs=6),
    "plain56": SGD.but(model="plain56_cifar", epochs=6),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", default="runs/digits")
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()
    rows = {}
    print(f"{'family':16s} {'mean':>7s} {'lowest':>7s}  {'seconds':>7s}")
    for family in args.families:
        runs = [
            train(FAMILIES[family].but(seed=seed, out=f"{args.out}/{family}-{seed}"), quiet=True)
            for seed in range(args.seeds)
        ]
        accuracies = [run.metrics["accuracy"] for run in runs]
        seconds = statistics.mean(sum(row["seconds"] for row in run.history) for run in runs)
        rows[family] = {"accuracies": accuracies, "seconds": seconds}
        print(f"{family:16s} {statistics.mean(accuracies):7.4f} {min(accuracies):7.4f}  {seconds:7.0f}", flush=True)
    if args.json:
        write_json(args.json, rows)


if __name__ == "__main__":
    main()
