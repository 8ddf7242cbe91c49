"""EfficientNet-Lite. Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite", blog.tensorflow.org, 2020-03.

EfficientNet for integer hardware: without squeeze-and-excitation, with ReLU6 for swish, the stem and the head unscaled.
"""

from keras_cnns.family.variant import Paper
from keras_cnns.models.efficientnet import HEAD, EfficientNet, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper("Liu", 2020, "Higher accuracy on vision models with EfficientNet-Lite", "blog.tensorflow.org, 2020-03")


def row(width: float, depth: float, resolution: int, dropout: float) -> EfficientNet:
    """A row with its columns in the order in which the authors' code lists them."""
    return EfficientNet(
        width,
        depth,
        se_ratio=0.0,
        fixed_ends=True,
        input_shape=(resolution, resolution, 3),
        activation="relu6",
        preprocessing="tf",
        dropout=dropout,
    )


VARIANTS = {
    "efficientnet_lite0": row(1.0, 1.0, 224, 0.2),
    "efficientnet_lite1": row(1.0, 1.1, 240, 0.2),
    "efficientnet_lite2": row(1.1, 1.2, 260, 0.3),
    "efficientnet_lite3": row(1.2, 1.4, 280, 0.3),
    "efficientnet_lite4": row(1.4, 1.8, 300, 0.3),
}
