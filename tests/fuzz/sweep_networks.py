"""The networks of keras.applications on small pictures, with weights as trained ones are, for tests/fuzz/sweep.py."""

import keras

from benchmarks.export import APPLICATIONS, build, calibrate, pictures_for

SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetLarge": 331}
NETWORKS = sorted(n for n in dir(keras.applications) if callable(getattr(keras.applications, n)))
LARGE = "ConvNeXtSmall ConvNeXtBase DenseNet169 DenseNet201 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4"
LARGE += (
    " EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S"
)
LARGE += " EfficientNetV2M EfficientNetV2L ConvNeXtLarge ConvNeXtXLarge InceptionResNetV2 NASNetLarge ResNet101"
LARGE += " ResNet152 ResNet101V2 ResNet152V2 VGG19"
HUGE = dict.fromkeys(LARGE.split(), "a larger form of one that goes all three ways, of the same layers")


def network(name, count=24):
    """(the model, its inputs by name): weights, statistics and classifier fitted to pictures like these."""
    size = SIZES.get(name, 64)
    keras.utils.set_random_seed(0)
    (seen, labels), (unseen, _) = pictures_for(APPLICATIONS + name, 2 * count, size)
    model = calibrate(build(APPLICATIONS + name, size), seen, labels)
    return model, {model.inputs[0].name: unseen}
