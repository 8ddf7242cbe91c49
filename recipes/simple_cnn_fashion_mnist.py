"""A small convolutional network on Fashion-MNIST.

Data: Xiao et al. 2017, "Fashion-MNIST", 1708.07747; fashion_mnist of tensorflow-datasets, `--download` fetches it the
first time. Their networks with two convolutions reach 0.87 to 0.93. The accuracy of this recipe is in
docs/measurements/published.md.
Time: minutes on a laptop.

    python recipes/simple_cnn_fashion_mnist.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="simple_cnn",
    input_shape=(28, 28, 1),
    dataset="fashion_mnist",
    augment=Augment(pad=2, mirror=True),
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.05,
    schedule="cosine",
    ema=0.999,
    epochs=40,
    batch_size=128,
    steps_per_call=50,
    out="runs/simple_cnn_fashion_mnist",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
