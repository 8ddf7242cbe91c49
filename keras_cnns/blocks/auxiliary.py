"""Auxiliary classifiers: class scores from halfway, whose loss counts while training. Gone at inference."""

from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.blocks.pooling import adaptive_pool
from keras_cnns.support.lazy_imports import keras, layers


def auxiliary_v1(x, *, unit, classes, activation, name):
    """Average pooling 5x5 stride 3, 1x1 128, FC 1024, dropout 70%, class scores. Szegedy et al. 2014, section 5."""
    if unit.numerics.adaptive:
        x = adaptive_pool(x, 4, name=f"{name}_pool")
    else:
        x = unit.average_pool(x, 5, 3, padding="valid", name=f"{name}_pool")
    x = layers.Flatten(name=f"{name}_flatten")(unit(x, 128, 1, name=name))
    x = unit.act(layers.Dense(1024, kernel_initializer=unit.initializer, name=f"{name}_fc")(x), name=f"{name}_fc")
    return scores(dropout(x, 0.7, name=f"{name}_drop"), classes, activation, name)


def auxiliary_v3(x, *, unit, classes, activation, name):
    """Average pooling 5x5 stride 3, 1x1 128, 5x5 768, class scores. Szegedy et al. 2015, 1512.00567, Fig. 8.

    What is left of pictures much smaller than 299x299 is no 5x5: there the kernel is as large as that.
    """
    x = unit.average_pool(x, 5, 3, padding="valid", name=f"{name}_pool")
    x = unit(x, 128, 1, name=f"{name}_1")
    kernel = min(5, *(side or 5 for side in x.shape[1:3]))
    x = unit(x, 768, kernel, padding="valid", name=f"{name}_2")
    return scores(layers.GlobalAveragePooling2D(name=f"{name}_avg_pool")(x), classes, activation, name)


def scores(x, classes, activation, name):
    return layers.Dense(classes, activation=activation, dtype=score_dtype(), name=f"{name}_predictions")(x)


def without_auxiliary(model):
    """The model with its first output alone, for inference; the two share their weights."""
    return keras.Model(model.input, model.outputs[0], name=model.name)
