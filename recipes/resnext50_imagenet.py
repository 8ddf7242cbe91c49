"""ResNeXt-50 (32x4d) on ImageNet.

Paper: Xie et al. 2016, "Aggregated Residual Transformations", 1611.05431, section 4 and Table 3: 22.2 % top-1
error, one crop.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: eight GPUs with 32 pictures each.

    python recipes/resnext50_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnext50_32x4d",
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, jitter=0.4, pca_noise=0.1, crop_fraction=0.875),
    optimizer="sgd",
    learning_rate=0.1,
    rate_batch=256,
    weight_decay=1e-4,
    schedule="step",
    decay_epochs=(30, 60, 90),
    epochs=100,
    batch_size=256,
    out="runs/resnext50_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
