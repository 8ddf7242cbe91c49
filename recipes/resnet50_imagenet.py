"""ResNet-50 on ImageNet.

Paper: He et al. 2015, "Deep Residual Learning for Image Recognition", 1512.03385, section 3.4 and Table 3: 22.85 %
top-1 and 6.71 % top-5 error, 10 crops.
These are the paper's figures; they have not been reproduced with this script.
The learning rate falls at 30, 60 and 80 of 90 epochs, with the linear rule and five epochs of warm-up of Goyal et al.
2017 (1706.02677: 23.6 % top-1, one crop, eight P100 in 29 hours at a batch of 256). The augmentation of He et al.:
`--augment.crop random --augment.scale 1.143 2.143 --augment.pca-noise 0.1`. Ten crops of a trained model:
`--evaluate runs/resnet50_imagenet/model.keras --views ten_crops`.

    python recipes/resnet50_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="resnet50",
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, crop_fraction=0.875),
    optimizer="nesterov",
    learning_rate=0.1,
    rate_batch=256,
    weight_decay=1e-4,
    schedule="step",
    decay_epochs=(30, 60, 80),
    warmup_epochs=5,
    epochs=90,
    batch_size=256,
    out="runs/resnet50_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
