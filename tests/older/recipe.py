"""A recipe as one wrote it for 0.1.0: LeNet-5 on handwritten digits.

python tests/older/recipe.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="lenet5",
    input_shape=(32, 32, 1),
    dataset="digits",
    augment=Augment(pad=2),
    optimizer="sgd",
    learning_rate=0.05,
    weight_decay=1e-4,
    schedule="cosine",
    warmup_epochs=1,
    epochs=2,
    batch_size=64,
    out="runs/older",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
