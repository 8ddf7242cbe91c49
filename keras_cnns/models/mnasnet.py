"""MnasNet. Tan et al. 2018, "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 1807.11626, Table 1.

The network B1, without squeeze-and-excitation. EfficientNet's stages come from the same search space.
"""

from keras_cnns.blocks.conv import TORCH
from keras_cnns.family.variant import Paper
from keras_cnns.models.efficientnet import HEAD, EfficientNet, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper("Tan et al.", 2018, "MnasNet: Platform-Aware Neural Architecture Search for Mobile", "1807.11626")

# stages 2 to 8: expand ratio, kernel, stride, channels, layers; the first is the separable convolution
B1 = (
    (1, 3, 1, 16, 1),
    (3, 3, 2, 24, 3),
    (3, 5, 2, 40, 3),
    (6, 5, 2, 80, 3),
    (6, 3, 1, 96, 2),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)

VARIANTS = {
    "mnasnet_100": EfficientNet(
        1.0,
        1.0,
        B1,
        se_ratio=0.0,
        drop_connect=0.0,
        numerics=TORCH,
        activation="relu",
        dropout=0.2,
    ),
}
