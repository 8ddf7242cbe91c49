"""SPPnet on a narrow VGG-11, on the embedded handwritten digits, for pictures of any size.

Paper: He et al. 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", 1406.4729.
It is trained at six sizes in turn (section 2.3 of the paper has two); benchmarks/sizes.py measures it at other sizes.
There is no batch normalization, as in the paper: its statistics differ between sizes, and inference has only one set.

    python recipes/sppnet_digits.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="sppnet_zf",
    overrides={
        "backbone": "vgg11",
        "columns": {"widths": (16, 32, 64, 128, 128)},
        "level": "C4",
        "fc": (128,),
        "dropout": 0.2,
        "min_size": 32,
    },
    input_shape=(64, 64, 3),
    sizes=(40, 52, 64, 76, 88, 104),
    dataset="digits",
    augment=Augment(pad=4, policy="randaugment", layers=1, magnitude=5.0),
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=2.0,
    epochs=60,
    batch_size=32,
    out="runs/sppnet_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
