"""ResNet-20, the CIFAR network, on handwritten digits."""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet20_cifar",
    input_shape=(32, 32, 3),
    dataset="digits",
    augment=Augment(pad=4),
    optimizer="sgd",
    learning_rate=0.1,
    schedule="cosine",
    warmup_epochs=1,
    weight_decay=1e-4,
    epochs=8,
    batch_size=32,
    out="runs/resnet20_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
