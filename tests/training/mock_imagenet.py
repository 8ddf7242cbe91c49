"""python mock_imagenet.py PAGE OUT: two steps of an ImageNet recipe, full size, two replicas, mocked pictures."""

import json
import sys

import tensorflow_datasets as tfds

from keras_cnns.training import find_recipe, train

if __name__ == "__main__":
    page, out = sys.argv[1:]
    recipe = find_recipe(page).but(
        strategy="mirrored",
        replicas=2,
        batch_size=2,
        accumulate=1,
        max_steps=2,
        data_dir=f"{out}/data",
        out=f"{out}/run",
    )
    with tfds.testing.mock_data(num_examples=4):
        result = train(recipe, quiet=True)
    print(json.dumps({"classes": result.model.output_shape[-1], "loss": result.history[-1]["loss"]}))
