"""A highway network of 19 layers on CIFAR-10.

Paper: Srivastava et al. 2015, "Training Very Deep Networks", 1507.06228, Table 2: about 92 %
test accuracy.
These are the paper's figures; they have not been reproduced with this script.
The paper uses SGD with momentum and a learning rate that decays exponentially, but does not state the values for CIFAR.
Rate, decay and epochs were chosen for this recipe.
The paper does not name its hardware. Data: cifar10 of tensorflow-datasets (`--download`).

    python recipes/highway_cifar10.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="highway19_cifar",
    input_shape=(32, 32, 3),
    dataset="cifar10",
    augment=Augment(pad=4, mirror=True),
    optimizer="sgd",
    learning_rate=0.05,
    rate_batch=128,
    schedule="exponential",
    decay_epochs=(1,),
    decay_rate=0.97,
    epochs=150,
    batch_size=128,
    steps_per_call=10,
    out="runs/highway_cifar10",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
