"""MobileNetV2 on ImageNet.

Paper: Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 1801.04381, section 6.1,
Table 4: 72.0 % top-1.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: 16 GPU workers, asynchronous, each with a batch of 96. The number of epochs was
chosen for this recipe.

    python recipes/mobilenet_v2_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="mobilenet_v2",
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, jitter=0.4, crop_fraction=0.875),
    optimizer="rmsprop",
    learning_rate=0.045,
    weight_decay=4e-5,
    schedule="exponential",
    decay_epochs=(1,),
    decay_rate=0.98,
    ema=0.9999,
    epochs=300,
    batch_size=96,
    out="runs/mobilenet_v2_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
