"""Big Transfer. Kolesnikov et al. 2020, "Big Transfer (BiT): General Visual Representation Learning", 1912.11370."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.standardized import StandardizedUnit
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper
from keras_cnns.models import resnet_v2
from keras_cnns.models.resnet_v2 import ResNetV2
from keras_cnns.support.types import Tensor

PAPER = Paper("Kolesnikov et al.", 2020, "Big Transfer (BiT): General Visual Representation Learning", "1912.11370")


@dataclass(frozen=True)
class BiT(ResNetV2):
    """A ResNet v2, `k` times as wide ("R50x3"). Group normalization and weight standardization replace batch norm."""

    stride_at: str = "first"
    _: KW_ONLY
    numerics: Numerics = Numerics(padding="symmetric", free_bias=False, epsilon=1e-5)


R50, R101, R152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)
VARIANTS = {
    "bit_r50x1": BiT(R50, k=1),
    "bit_r50x3": BiT(R50, k=3),
    "bit_r101x1": BiT(R101, k=1),
    "bit_r101x3": BiT(R101, k=3),
    "bit_r152x2": BiT(R152, k=2),
    "bit_r152x4": BiT(R152, k=4),
}


def features(x: Tensor, net: BiT, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C5, those of ResNet v2."""
    return resnet_v2.features(x, net, StandardizedUnit(unit.numerics, unit.activation, unit.initializer))


HEAD = GLOBAL_POOLING
