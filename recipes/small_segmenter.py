"""A small segmenter for your own masks, from random weights: nothing is downloaded.

FCN-8s on a narrow VGG-11 with batch normalization: 0.6 million parameters.
Data: a folder of pictures with masks or polygons (docs/guides/segmenters.md).

    keras-cnns train small_segmenter --dataset folder:PATH --check
    keras-cnns train small_segmenter --dataset folder:PATH
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="fcn8s",
    overrides={"backbone": "vgg11_bn", "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()}},
    input_shape=(128, 128, 3),
    dataset="scenes",
    augment=Augment(mirror=True, zoom=(0.8, 1.25)),
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=30,
    batch_size=8,
    out="runs/small_segmenter",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
