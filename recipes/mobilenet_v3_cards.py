"""A narrow MobileNetV3-Large that classifies the digits on cards: the backbone for LR-ASPP and U-Net on scenes.

Paper: Howard et al. 2019, "Searching for MobileNetV3", 1905.02244.
Expect: accuracy 0.796 on the held-out cards with seed 0. The narrow VGG-11 of vgg11_cards reaches 0.971.

    python recipes/mobilenet_v3_cards.py
    python recipes/lr_aspp_digits.py --weights runs/mobilenet_v3_cards/best.keras
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="mobilenet_v3_large",
    overrides={"width": 0.5, "dropout": 0.0},
    input_shape=(48, 48, 3),
    dataset="cards",
    augment=Augment(pad=4),
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=6,
    batch_size=64,
    out="runs/mobilenet_v3_cards",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
