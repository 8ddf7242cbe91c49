"""U-Net's expanding path (Ronneberger et al. 2015, 1505.04597, Fig. 1) on the levels of any backbone."""

from dataclasses import dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.expanding import expanded
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.pixels import activated, check_size, crop_like, pad_for_levels, score
from keras_cnns.family.head import Head, Levels, level_number
from keras_cnns.family.variant import OnBackbone
from keras_cnns.models.unet import PAPER as PAPER
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.types import Tensor


@dataclass(frozen=True, kw_only=True)
class BackboneUNet(OnBackbone):
    """One network. `activation` is that of the expanding path; its numerics are the backbone's.

    Args:
      widths: channels of the expanding path, coarse to fine: a number for each level but the last, and one for the size
        of the picture, which is left out if the backbone has a level of that size.
    """

    backbone: str = "mobilenet_v2"
    widths: tuple[int, ...] = (256, 128, 64, 32, 16)
    classes: int = 21  # the 20 of PASCAL VOC, and the background


VARIANTS = {"backbone_unet": BackboneUNet()}


def predict(levels: Levels, net: BackboneUNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    unit, x = replace(unit, activation=net.activation), levels.last
    numbers = [level_number(name) for name in levels.by_name]
    targets = sorted({0, *numbers[:-1]}, reverse=True)
    if len(net.widths) != len(targets):
        raise BadArgument(
            f"widths has {len(net.widths)} numbers, and {len(targets)} are needed on {net.backbone}: one for each of "
            f"{', '.join(f'C{n}' for n in targets)}, where C0 is the picture."
        )
    at = numbers[-1]
    for n, width in zip(targets, net.widths, strict=True):
        skip, factor = levels.by_name.get(f"C{n}"), 2 ** (at - n)
        if skip is not None:
            needed = tuple(side and factor * side for side in x.shape[1:3])
            check_size(skip, needed, net.backbone, f"C{n}")
        x, at = expanded(x, skip, width, factor, unit=unit, name=f"up{n}"), n
    x = dropout(x, net.dropout)
    return activated(crop_like(score(x, classes, "score"), levels.image, name="crop"), activation)


HEAD = Head(predict, task="segmentation", scores=("score",), pad=pad_for_levels)
