"""A narrow VGG-11 that tells handwritten digits: what backbones for scenes of digits on cards start as.

Paper: Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 1409.1556.
FCN and Faster R-CNN start from a classifier in their papers too. Scenes teach a network what a card is long before they
teach it what is written on one; a network that knows the plain digits has that behind it.

    python recipes/vgg11_digits.py
    python recipes/fcn8s_digits.py --weights runs/vgg11_digits/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="vgg11_bn",
    overrides={"widths": (16, 32, 64, 128, 128), "fc": (), "dropout": 0.0},
    input_shape=(32, 32, 3),
    dataset="digits",
    augment=Augment(pad=4, policy="randaugment", layers=1, magnitude=5.0),
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=1.0,
    batch_norm_momentum=0.9,
    epochs=30,
    batch_size=32,
    out="runs/vgg11_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
