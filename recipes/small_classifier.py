"""A small classifier for your own pictures, from random weights: nothing is downloaded.

The network is the ResNet-8 of MLPerf Tiny. A few hundred pictures of each class are enough if the classes differ in
shape and colour; with fewer, or for finer differences, start from published weights with fine_tune.
Expect: accuracy 0.98 on the embedded digits with seed 0, in a minute on one core.

    keras-cnns train small_classifier --dataset folder:photos --check
    keras-cnns train small_classifier --dataset folder:photos
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet8_cifar",
    input_shape=(64, 64, 3),
    dataset="digits",
    augment=Augment(crop="random_resized", area=(0.5, 1.0), crop_fraction=0.875),
    label_smoothing=0.1,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=1,
    batch_norm_momentum=0.9,
    epochs=30,
    batch_size=16,
    out="runs/small_classifier",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
