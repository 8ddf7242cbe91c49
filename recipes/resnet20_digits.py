"""ResNet-20, the CIFAR network, on handwritten digits.

Paper: He et al. 2015, "Deep Residual Learning for Image Recognition", 1512.03385, section 4.2.
Data: the 1,797 digits of the UCI repository, 8x8 scaled to 32x32; nothing is downloaded. A fifth is held out.
Expect: 0.9917 of the held-out digits with seed 0.

    python recipes/resnet20_digits.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet20_cifar",
    input_shape=(32, 32, 3),
    dataset="digits",
    augment=Augment(pad=4),
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=1e-4,
    schedule="cosine",
    warmup_epochs=1,
    epochs=8,
    batch_size=32,
    steps_per_call=11,
    out="runs/resnet20_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
