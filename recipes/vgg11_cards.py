"""A narrow VGG-11 that classifies the digits on cards: the backbone for FCN and Faster R-CNN on scenes of such cards.

Paper: Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 1409.1556.
The papers on detectors start from a classifier too. A network that is trained only on scenes learns to find cards long
before it learns to read them.
Expect: accuracy 0.971 on the held-out cards with seed 0, in four to six minutes on one core.

    python recipes/vgg11_cards.py
    python recipes/fcn8s_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="vgg11_bn",
    overrides={"widths": (16, 32, 64, 128, 128), "fc": (), "dropout": 0.0},
    input_shape=(32, 32, 3),
    dataset="cards",
    augment=Augment(pad=3),
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=16,
    batch_size=64,
    out="runs/vgg11_cards",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
