"""VGG-16 (configuration D) on ImageNet.

Paper: Simonyan, Zisserman 2014, "Very Deep Convolutional Networks", 1409.1556, section 3.1 and Table 4: 24.8 %
top-1 and 7.5 % top-5 error, several scales in training and testing.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: four Titan Black, two to three weeks for 74 epochs.
To evaluate a trained model: `--evaluate runs/vgg16_imagenet/model.keras --views multi_scale --scales 256 384 512`.
The paper starts the deep networks from shallow ones. With He's initialization, as here, this is not necessary.

    python recipes/vgg16_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="vgg16",
    overrides={"initializer": "he_normal"},
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random", scale=(256 / 224, 512 / 224), mirror=True, pca_noise=0.1, crop_fraction=224 / 256),
    optimizer="sgd",
    learning_rate=0.01,
    weight_decay=5e-4,
    schedule="plateau",
    decay_epochs=(5,),
    epochs=74,
    batch_size=256,
    rate_batch=256,
    out="runs/vgg16_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
