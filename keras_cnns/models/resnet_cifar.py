"""ResNets for 32x32 pictures. He et al. 2015, 1512.03385, section 4.2.

The orderings of a unit's layers are those of He et al. 2016, 1603.05027.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.residual import ORDERINGS, basic, bottleneck, check_choice, plain, steps
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("He et al.", 2015, "Deep Residual Learning for Image Recognition", "1512.03385")
V2 = Paper("He et al.", 2016, "Identity Mappings in Deep Residual Networks", "1603.05027")


@dataclass(frozen=True)
class ResNetCifar(Variant):
    """One network, of 6n + 2 layers with weights (basic units) or 9n + 2 (bottlenecks).

    Args:
      n: units in each of the three stages.
      block: builds a unit, from blocks/residual.py.
      ordering: a key of ORDERINGS in blocks/residual.py.
      shortcut: option A ("identity", the paper's choice for these networks), B ("projection") or C ("all").
      widths: channels of the stages.
      first: channels of the first convolution.
      drop_rate: rate of the dropout between a unit's convolutions.
    """

    n: int
    block: Callable[..., Tensor] = basic
    ordering: str = "original"
    shortcut: str = "identity"
    widths: tuple[int, ...] = (16, 32, 64)
    first: int = 16
    drop_rate: float = 0.0
    _: KW_ONLY
    numerics: Numerics = Numerics(free_bias=False, epsilon=1e-5, momentum=0.9)
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    input_shape: tuple[int, int, int] = (32, 32, 3)
    classes: int = 10
    min_size: int = 8


def v2(n: int, block: Callable[..., Tensor], paper: Paper = V2, **columns: Any) -> ResNetCifar:
    """A network with full pre-activation, and with projections where the channels change."""
    return ResNetCifar(n, block, "full_preactivation", "projection", paper=paper, **columns)


VARIANTS = {
    "plain20_cifar": ResNetCifar(3, plain),
    "plain56_cifar": ResNetCifar(9, plain),
    "resnet8_cifar": ResNetCifar(1, shortcut="projection"),  # MLPerf Tiny's (2106.07597)
    "resnet20_cifar": ResNetCifar(3),
    "resnet32_cifar": ResNetCifar(5),
    "resnet44_cifar": ResNetCifar(7),
    "resnet56_cifar": ResNetCifar(9),
    "resnet110_cifar": ResNetCifar(18),
    "resnet1202_cifar": ResNetCifar(200),
    "resnet110_v2_cifar": v2(18, basic),
    "resnet164_v2_cifar": v2(18, bottleneck),
    "resnet1001_v2_cifar": v2(111, bottleneck),
}


def features(x: Tensor, net: ResNetCifar, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C0 (the size of the picture), C1 and C2: the three stages."""
    before, *_ = ORDERINGS[check_choice(net.ordering, ORDERINGS, "ordering")]
    x = unit.conv(x, net.first, 3, name="conv1")
    # a pre-activation unit brings the layers that follow conv1 in the original ordering, and lacks those after its sum
    x = steps(x, [step for step in ("bn", "relu") if step not in before], unit=unit, name="conv1")
    levels = {}
    for stage, width in enumerate(net.widths):
        for i in range(net.n):
            x = net.block(
                x,
                width,
                stride=2 if stage > 0 and i == 0 else 1,
                unit=unit,
                name=f"conv{stage + 2}_block{i + 1}",
                shortcut=net.shortcut,
                ordering=net.ordering,
                both_paths=stage == i == 0,
                drop_rate=net.drop_rate,
            )
        levels[f"C{stage}"] = x
    return levels | {f"C{stage}": steps(x, before, unit=unit, name="post")}


HEAD = GLOBAL_POOLING
