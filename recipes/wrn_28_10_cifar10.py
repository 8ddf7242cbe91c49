"""Wide ResNet 28-10 on CIFAR-10.

Paper: Zagoruyko, Komodakis 2016, "Wide Residual Networks", 1605.07146, section 3: 4.00 % error (Table 5),
3.89 % with dropout of 0.3 (Table 6), which the network has here.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: Titan X. Data: cifar10 of tensorflow-datasets (`--download`). A smaller
network: `--model wrn_16_8_cifar`.

    python recipes/wrn_28_10_cifar10.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="wrn_28_10_cifar",
    input_shape=(32, 32, 3),
    dataset="cifar10",
    augment=Augment(pad=4, mirror=True),
    optimizer="nesterov",
    learning_rate=0.1,
    rate_batch=128,
    weight_decay=5e-4,
    schedule="step",
    decay_epochs=(60, 120, 160),
    decay_rate=0.2,
    epochs=200,
    batch_size=128,
    steps_per_call=10,
    out="runs/wrn_28_10_cifar10",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
