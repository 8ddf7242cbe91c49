"""The networks of keras.applications on small pictures, their statistics calibrated, for benchmarks/sweep.py."""

import keras
import numpy as np

from keras_cnns.testing import pictures

SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetLarge": 331, "NASNetMobile": 32}
NETWORKS = sorted(n for n in dir(keras.applications) if callable(getattr(keras.applications, n)))
# These are larger forms of one that goes all three ways: the same layers, more of them.
LARGE = "ConvNeXtSmall ConvNeXtBase DenseNet169 DenseNet201 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4"
LARGE += " EfficientNetB5 EfficientNetB6 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S ResNet101"
LARGE += " ResNet152 ResNet101V2 ResNet152V2 VGG19 InceptionResNetV2 NASNetLarge"
LARGE += " EfficientNetB7 EfficientNetV2M EfficientNetV2L ConvNeXtLarge ConvNeXtXLarge"
HUGE = dict.fromkeys(LARGE.split(), "a larger form of one that goes all ways, the same layers")


def network(name, count=24, classes=10):
    """(the model, its inputs by name): random weights, batch norm's statistics those of the pictures."""
    size = SIZES.get(name, 32)
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=classes)
    x = pictures(count, (size, size, 3), high=255.0)
    if not any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers[:3]):
        x = x / 127.5 - 1
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    model(x, training=True)  # one batch is all there is to follow
    last = model.layers[-1]
    kernel, *bias = last.get_weights()
    last.set_weights([kernel * 4, *(0 * b for b in bias)])
    return model, {model.inputs[0].name: np.asarray(x)}
