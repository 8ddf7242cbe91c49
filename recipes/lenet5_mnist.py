"""LeNet-5 on MNIST.

Paper: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition": 0.95 % error, 0.8 % with
distorted digits.
Reproduced with this script, with a better result: docs/measurements/published.md. The published network, with its own
subsampling, connection table and output units: `--model lenet5_1998 --loss distance` (the loss of equation 9).
The paper used a diagonal Levenberg-Marquardt method over 20 passes; this recipe uses AdamW over 40 epochs.
Data: mnist of tensorflow-datasets; `--download` fetches it the first time.
Time: minutes on a laptop.

    python recipes/lenet5_mnist.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="lenet5",
    input_shape=(32, 32, 1),
    dataset="mnist",
    augment=Augment(pad=2, distort=0.15),
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.05,
    schedule="cosine",
    ema=0.999,
    epochs=40,
    batch_size=128,
    steps_per_call=50,
    out="runs/lenet5_mnist",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
