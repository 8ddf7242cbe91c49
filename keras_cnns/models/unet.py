"""U-Net. Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 1505.04597.

The authors' convolutions have no padding, so that 572 x 572 pixels, a picture of 512 x 512 mirrored at its border, give
scores for the inner 388 x 388. Here they pad with zeros, and the picture is padded to a multiple of 16, so that each of
its pixels has scores.
"""

from dataclasses import dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.expanding import double, expanded
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.pixels import activated, crop_like, pad_to_multiple, score
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Ronneberger et al.", 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation", "1505.04597"
)


@dataclass(frozen=True, kw_only=True)
class UNet(Variant):
    """One network.

    Args:
      widths: channels of the contracting path, a number for each size of the picture; the expanding path has the same.
      normalized: a batch normalization follows each convolution, which the paper does not have.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    normalized: bool = False
    input_shape: tuple[int, int, int] = (512, 512, 1)
    classes: int = 2
    min_size: int = 16
    initializer: str = "he_normal"
    dropout: float = 0.5


VARIANTS = {"unet": UNet()}


def pad(x: Tensor, net: UNet) -> Tensor:
    """The picture, padded so that each level is half as large as the one before."""
    return pad_to_multiple(x, 2 ** (len(net.widths) - 1))


def features(x: Tensor, net: UNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C0 .. C4: the contracting path."""
    unit, levels = replace(unit, normalized=net.normalized), {}
    for n, width in enumerate(net.widths):
        x = unit.max_pool(x, 2, 2, padding="valid", name=f"pool{n}") if n else x
        x = levels[f"C{n}"] = double(x, width, unit=unit, name=f"down{n}")
    return levels


def predict(levels: Levels, net: UNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    unit = replace(unit, normalized=net.normalized)
    *skips, x = levels.by_name.values()
    x = dropout(x, net.dropout)
    for n, skip in reversed(list(enumerate(skips))):
        x = expanded(x, skip, net.widths[n], 2, unit=unit, name=f"up{n}")
    return activated(crop_like(score(x, classes, "score"), levels.image, name="crop"), activation)


HEAD = Head(predict, task="segmentation", scores=("score",), pad=pad)
