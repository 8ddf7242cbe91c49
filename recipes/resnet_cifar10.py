"""The ResNets for CIFAR-10, and plain networks of the same depths.

Paper: He et al. 2015, "Deep Residual Learning for Image Recognition", 1512.03385, section 4.2 and Table 6: error 8.75 %
(20 layers), 7.51 (32), 7.17 (44), 6.97 (56), 6.43 (110).
docs/measurements/published.md has the result of this schedule for 20 layers, and of 50 epochs for 56 layers and the
plain networks. The other figures are the paper's.
64,000 steps of 128 pictures are 164 epochs. The learning rate falls at steps 32,000 and 48,000.
Other networks: `--model plain56_cifar`; 110 layers need the paper's warm-up:
`--model resnet110_cifar --warmup-epochs 1`.
Data: cifar10 of tensorflow-datasets; `--download` fetches it the first time. The paper's hardware: two GPUs.

    python recipes/resnet_cifar10.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet56_cifar",
    input_shape=(32, 32, 3),
    dataset="cifar10",
    augment=Augment(pad=4, mirror=True),
    optimizer="sgd",
    learning_rate=0.1,
    rate_batch=128,
    weight_decay=1e-4,
    schedule="step",
    decay_epochs=(82, 123),
    epochs=164,
    batch_size=128,
    steps_per_call=10,
    out="runs/resnet_cifar10",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
