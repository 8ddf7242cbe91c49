"""FCN-8s on a narrow VGG-11 with batch normalization, on scenes of handwritten digits printed on cards.

Paper: Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", 1411.4038.
Data: drawn scenes of 192 x 192 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The backbone starts from a classifier, as in the paper.
Expect: mean IoU 0.881 and 0.883 with two seeds on the held-out scenes, in 21 minutes on one core, 14 on two
(docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/fcn8s_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="fcn8s",
    overrides={"backbone": "vgg11_bn", "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()}},
    input_shape=(192, 192, 3),
    dataset="scenes",
    augment=Augment(zoom=(0.8, 1.25)),
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=16,
    batch_size=16,
    out="runs/fcn8s_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
