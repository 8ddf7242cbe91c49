"""LR-ASPP on a narrow MobileNetV3-Large, on scenes of handwritten digits printed on cards.

Paper: Howard et al. 2019, "Searching for MobileNetV3", 1905.02244, section 6.4.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The mean IoU on the held-out scenes has not been measured yet.

    python recipes/mobilenet_v3_cards.py
    python recipes/lr_aspp_digits.py --weights runs/mobilenet_v3_cards/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="lr_aspp",
    overrides={"columns": {"width": 0.5, "output_stride": 16}},
    input_shape=(128, 128, 3),
    dataset="scenes",
    augment=Augment(zoom=(0.8, 1.25)),
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=10,
    batch_size=16,
    out="runs/lr_aspp_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
