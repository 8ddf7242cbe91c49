"""EfficientNet-B0 to B7 on ImageNet.

Paper: Tan, Le 2019, "EfficientNet: Rethinking Model Scaling", 1905.11946, section 5.2 and Table 2: 77.1 % top-1 for B0,
84.3 % for B7.
These are the paper's figures; they have not been reproduced with this script.
Other networks: `--model efficientnet_b3 --input-shape 300 300 3`. Each has its own dropout and stochastic depth.
The learning rate is 0.256 at a batch of 4,096 and falls by 3 % every 2.4 epochs, after 5 epochs of warm-up as in the
authors' code.
The paper's hardware: TPUs.

    python recipes/efficientnet_imagenet.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="efficientnet_b0",
    input_shape=(224, 224, 3),
    dataset="imagenet2012",
    augment=Augment(crop="random_resized", mirror=True, policy="autoaugment", crop_fraction=0.875),
    label_smoothing=0.1,
    optimizer="rmsprop",
    learning_rate=0.256,
    rate_batch=4096,
    weight_decay=1e-5,
    schedule="exponential",
    decay_epochs=(2.4,),
    decay_rate=0.97,
    warmup_epochs=5,
    ema=0.9999,
    epochs=350,
    batch_size=4096,
    out="runs/efficientnet_imagenet",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
