"""BiT fine-tuned by the BiT-HyperRule: steps, warm-up and decays follow from the size of the data set.

Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", 1912.11370: rate 0.003 at a batch of 512, momentum 0.9,
no weight decay; 500, 10,000 or 20,000 steps. MixUp (`--augment.mixup 0.1`) for more than 20,000 pictures.
The authors' code resizes pictures of less than 96x96 pixels to 160 and crops 128, larger ones to 512 and crops 480.
This script has the settings for larger ones. For small ones:
`--input-shape 128 128 3 --augment.scale 1.25 1.25 --accumulate 4`.
`--weights FILE` names the weights, `--dataset` the pictures (`folder:PATH` or a name of tensorflow-datasets).

    python recipes/bit_fine_tune.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="bit_r50x1",
    input_shape=(480, 480, 3),
    dataset="oxford_flowers102",
    augment=Augment(crop="random", scale=(512 / 480, 512 / 480), mirror=True),
    optimizer="sgd",
    learning_rate=0.003,
    rate_batch=512,
    schedule="bit",
    batch_size=512,
    accumulate=16,
    out="runs/bit_fine_tune",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
