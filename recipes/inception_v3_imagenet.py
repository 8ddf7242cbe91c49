"""Inception v3 on ImageNet.

Paper: Szegedy et al. 2015, "Rethinking the Inception Architecture", 1512.00567, section 8 and Table 3: 21.2 %
top-1 and 5.6 % top-5 error, one crop.
These are the paper's figures; they have not been reproduced with this script.
The paper's hardware: 50 replicas, each with a batch of 32 on a Kepler GPU, asynchronous, 100 epochs.
Here the replicas are synchronous. The learning rate is the paper's for a batch of 32; with `--rate-batch 32` it grows
with the batch.

    python recipes/inception_v3_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="inception_v3",
    overrides={"auxiliary": True},
    input_shape=(299, 299, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, jitter=0.4, crop_fraction=0.875),
    label_smoothing=0.1,
    optimizer="rmsprop",
    epsilon=1.0,
    learning_rate=0.045,
    auxiliary_weight=0.3,
    weight_decay=4e-5,
    clip_norm=2.0,
    schedule="exponential",
    decay_epochs=(2,),
    decay_rate=0.94,
    ema=0.9999,
    epochs=100,
    batch_size=32,
    out="runs/inception_v3_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
