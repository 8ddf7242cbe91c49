"""DenseNet. Huang et al. 2016, "Densely Connected Convolutional Networks", 1608.06993, Tables 1 and 2."""

from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.dense import dense_block, transition
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Huang et al.", 2016, "Densely Connected Convolutional Networks", "1608.06993")


@dataclass(frozen=True)
class DenseNet(Variant):
    """A DenseNet: one column of Table 1 of the paper, or one row of Table 2.

    Args:
      growth_rate: k, the number of channels that each layer adds.
      depths: layers in each dense block.
      first: channels that enter the first dense block.
      bottleneck: whether a 1x1 convolution precedes each 3x3 convolution ("DenseNet-B").
      compression: theta, the fraction of the channels that a transition keeps ("DenseNet-C").
      stem: whether the network begins with a 7x7 convolution and pooling; if not, with one 3x3 convolution.
      drop_rate: rate of the dropout after each convolution except the first. The paper uses 0.2 without augmentation.
    """

    growth_rate: int
    depths: tuple[int, ...]
    first: int = 64
    bottleneck: bool = True
    compression: float = 0.5
    stem: bool = True
    drop_rate: float = 0.0
    _: KW_ONLY
    numerics: Numerics = Numerics(padding="symmetric", epsilon=1.001e-5)
    preprocessing: str = "torch"
    initializer: str = "he_normal"


def cifar(L: int, k: int, first: int, **columns: Any) -> DenseNet:  # noqa: N803 (the paper's letters)
    """Section 4.2: three dense blocks of equal depth. L counts all layers with weights."""
    each = (L - 4) // (6 if columns.get("bottleneck", True) else 3)
    return DenseNet(k, (each,) * 3, first, stem=False, input_shape=(32, 32, 3), classes=10, min_size=8, **columns)


basic = partial(cifar, bottleneck=False, compression=1.0)

VARIANTS = {
    "densenet121": DenseNet(32, (6, 12, 24, 16)),
    "densenet169": DenseNet(32, (6, 12, 32, 32)),
    "densenet201": DenseNet(32, (6, 12, 48, 32)),
    "densenet264": DenseNet(32, (6, 12, 64, 48)),
    "densenet161": DenseNet(48, (6, 12, 36, 24), 96, numerics=TORCH),
    "densenet_40_12_cifar": basic(40, 12, first=16),
    "densenet_bc_100_12_cifar": cifar(100, 12, first=24),
    "densenet_bc_190_40_cifar": cifar(190, 40, first=80),
}


def features(x: Tensor, net: DenseNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C5 (C0 .. C2 without the stem): conv1 and the outputs of the dense blocks.

    Only the last one is already normalized and rectified.
    """
    levels: dict[str, Tensor] = {}
    if net.stem:
        levels = {"C1": unit(x, net.first, 7, stride=2, name="conv1")}
        x = unit.max_pool(levels["C1"], 3, 2, name="pool1")
    else:
        x = unit.conv(x, net.first, 3, name="conv1")
    first_level = 2 if net.stem else 0
    for stage, n in enumerate(net.depths, start=2):
        if stage > 2:
            x = transition(x, net.compression, drop_rate=net.drop_rate, unit=unit, name=f"pool{stage - 1}")
        block = partial(dense_block, bottleneck=net.bottleneck, drop_rate=net.drop_rate)
        x = levels[f"C{first_level + stage - 2}"] = block(x, n, net.growth_rate, unit=unit, name=f"conv{stage}")
    levels[f"C{first_level + len(net.depths) - 1}"] = unit.act(unit.norm(x, name="post"), name="post")
    return levels


HEAD = GLOBAL_POOLING
