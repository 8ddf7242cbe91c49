"""DenseNet-BC (100 layers, k = 12) on CIFAR-10.

Paper: Huang et al. 2016, "Densely Connected Convolutional Networks", 1608.06993, section 4.2 and Table 2: 4.51 % error
with augmentation.
These are the paper's figures; they have not been reproduced with this script.
The paper does not name its hardware. Data: cifar10 of tensorflow-datasets (`--download`).

    python recipes/densenet_bc_cifar10.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="densenet_bc_100_12_cifar",
    input_shape=(32, 32, 3),
    dataset="cifar10",
    augment=Augment(pad=4, mirror=True),
    optimizer="nesterov",
    learning_rate=0.1,
    rate_batch=64,
    weight_decay=1e-4,
    schedule="step",
    decay_epochs=(150, 225),
    epochs=300,
    batch_size=64,
    steps_per_call=10,
    out="runs/densenet_bc_cifar10",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
