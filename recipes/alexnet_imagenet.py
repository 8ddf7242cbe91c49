"""AlexNet on ImageNet.

Paper: Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 5:
40.7 % top-1 and 18.2 % top-5 error of one network, 10 crops.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: two GTX 580, five to six days for about 90 epochs.
The learning rate is divided by 10 when the validation accuracy stops rising. Ten crops of a trained model:
`--evaluate runs/alexnet_imagenet/model.keras --views ten_crops`; several files are measured as an ensemble.

    python recipes/alexnet_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="alexnet",
    input_shape=(227, 227, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random", scale=(256 / 227, 256 / 227), mirror=True, pca_noise=0.1, crop_fraction=227 / 256),
    optimizer="sgd",
    learning_rate=0.01,
    weight_decay=5e-4,
    schedule="plateau",
    decay_epochs=(5,),
    epochs=90,
    batch_size=128,
    rate_batch=128,
    out="runs/alexnet_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
