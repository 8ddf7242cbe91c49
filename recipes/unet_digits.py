"""U-Net on a narrow MobileNetV3-Large, on scenes of handwritten digits printed on cards.

Paper: Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 1505.04597.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The mean IoU on the held-out scenes has not been measured yet.

    python recipes/mobilenet_v3_cards.py
    python recipes/unet_digits.py --weights runs/mobilenet_v3_cards/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="backbone_unet",
    overrides={"backbone": "mobilenet_v3_large", "columns": {"width": 0.5}, "widths": (64, 48, 32, 16, 8)},
    input_shape=(128, 128, 3),
    dataset="scenes",
    augment=Augment(zoom=(0.8, 1.25)),
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=8,
    batch_size=16,
    out="runs/unet_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
