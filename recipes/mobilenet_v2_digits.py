"""MobileNetV2, a third of the width, on handwritten digits."""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="mobilenet_v2",
    overrides={"width": 0.35},
    input_shape=(32, 32, 3),
    dataset="digits",
    augment=Augment(pad=2),
    optimizer="adam",
    learning_rate=3e-3,
    schedule="cosine",
    warmup_epochs=1,
    batch_norm_momentum=0.9,
    epochs=60,
    batch_size=32,
    steps_per_call=15,
    out="runs/mobilenet_v2_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
