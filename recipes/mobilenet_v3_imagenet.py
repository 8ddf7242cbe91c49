"""MobileNetV3-Large on ImageNet.

Paper: Howard et al. 2019, "Searching for MobileNetV3", 1905.02244, section 6.1.1 and Table 3: 75.2 % top-1.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: a 4x4 TPU pod at a batch of 4,096; the rate of 0.1 falls by 1 % every 3
epochs. The number of epochs was chosen for this recipe.

    python recipes/mobilenet_v3_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="mobilenet_v3_large",
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, jitter=0.4, crop_fraction=0.875),
    optimizer="rmsprop",
    learning_rate=0.1,
    rate_batch=4096,
    weight_decay=1e-5,
    schedule="exponential",
    decay_epochs=(3,),
    decay_rate=0.99,
    warmup_epochs=5,
    ema=0.9999,
    epochs=500,
    batch_size=4096,
    out="runs/mobilenet_v3_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
