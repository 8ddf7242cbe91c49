"""What turns the last level into class scores or a vector."""

from keras_cnns.blocks.pooling import adaptive_pool
from keras_cnns.support.lazy_imports import keras, layers


def classifier(x, net, *, classes, activation):
    """Global average pooling, dropout, one dense layer: the head of every network since NiN and GoogLeNet."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return predictions(dropout(x, net.dropout), classes=classes, activation=activation)


def fully_connected(x, net, unit, *, grid, units=(4096, 4096), classes, activation):
    """Flatten, fc6 and fc7 with dropout, and the class scores: the head of AlexNet and VGG.

    grid: positions of the published level in each direction; where the numerics are adaptive, x is pooled to them.
    """
    x = adaptive_pool(x, grid, name="adaptive_pool") if unit.numerics.adaptive else x
    x = layers.Flatten(name="flatten")(x)
    for i, width in enumerate(units, start=6):
        x = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(x), name=f"fc{i}")
        x = dropout(x, net.dropout, name=f"drop{i}")
    return predictions(x, classes=classes, activation=activation)


def dropout(x, rate, *, name="dropout"):
    """Dropout, where there is any."""
    return layers.Dropout(rate, name=name)(x) if rate else x


def predictions(x, *, classes, activation):
    """Class scores."""
    return layers.Dense(classes, activation=activation, dtype=score_dtype(), name="predictions")(x)


def score_dtype():
    """float32 at least, whatever the network computes in: a 16-bit softmax loses the small scores."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"


def pool(x, pooling):
    """`None`: x; "avg" or "max": over all positions."""
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool")(x)
    return x
