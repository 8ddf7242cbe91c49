"""GoogLeNet with its two auxiliary classifiers on ImageNet.

Paper: Szegedy et al. 2014, "Going Deeper with Convolutions", 1409.4842, section 6: 10.07 % top-5 error of one network
on one crop.
These are the paper's figures; they have not been reproduced with this script.
The paper has the momentum, the decay (4 % every 8 epochs), the crops and the averaging of the weights. It does not have
the first learning rate, the batch size and the number of epochs; these were chosen for this recipe.
The paper's hardware: CPUs; "a few high-end GPUs within a week".

    python recipes/googlenet_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="googlenet",
    overrides={"auxiliary": True},
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, jitter=0.4, crop_fraction=0.875),
    optimizer="sgd",
    learning_rate=0.01,
    rate_batch=32,
    auxiliary_weight=0.3,
    weight_decay=2e-4,
    schedule="exponential",
    decay_epochs=(8,),
    decay_rate=0.96,
    ema=0.9999,
    epochs=250,
    batch_size=32,
    out="runs/googlenet_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
