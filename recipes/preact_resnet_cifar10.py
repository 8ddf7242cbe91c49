"""Pre-activation ResNets on CIFAR-10.

Paper: He et al. 2016, "Identity Mappings in Deep Residual Networks", 1603.05027, Table 4: error 5.46 % (164 layers),
4.92 % (1001 layers, `--model resnet1001_v2_cifar`).
These are the paper's figures; they have not been reproduced with this script.
The first 400 steps are warm-up, about one epoch. Data: cifar10 of tensorflow-datasets (`--download`).
The paper's hardware: two GPUs, 27 hours for 1001 layers.

    python recipes/preact_resnet_cifar10.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet164_v2_cifar",
    input_shape=(32, 32, 3),
    dataset="cifar10",
    augment=Augment(pad=4, mirror=True),
    optimizer="sgd",
    learning_rate=0.1,
    rate_batch=128,
    weight_decay=1e-4,
    schedule="step",
    decay_epochs=(82, 123),
    warmup_epochs=1,
    epochs=164,
    batch_size=128,
    steps_per_call=10,
    out="runs/preact_resnet_cifar10",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
