"""ResNets for 32x32 pictures. He et al. 2015, 1512.03385, section 4.2; pre-activation: He et al. 2016, 1603.05027."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial

from keras_cnns.blocks.conv import Numerics
from keras_cnns.blocks.residual import basic, preact_basic, preact_bottleneck
from keras_cnns.family import Paper, Variant

PAPER = Paper("He et al.", 2015, "Deep Residual Learning for Image Recognition", "1512.03385")


@dataclass(frozen=True)
class ResNetCifar(Variant):
    """n: blocks in each of the three stages; 6n + 2 layers with weights (basic blocks), 9n + 2 (bottlenecks)."""

    n: int
    block: Callable = partial(basic, shortcut="identity")  # option A, "in all cases"
    widths: tuple = (16, 32, 64)
    preactivation: bool = False
    _: KW_ONLY
    numerics: Numerics = Numerics(free_bias=False, epsilon=1e-5, momentum=0.9)
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    input_shape: tuple = (32, 32, 3)
    classes: int = 10
    min_size: int = 8


def v2(n, block):
    """Full pre-activation: nothing but a convolution before the first unit, and a normalization after the last."""
    return ResNetCifar(n, block, preactivation=True)


VARIANTS = {
    "resnet20_cifar": ResNetCifar(3),
    "resnet32_cifar": ResNetCifar(5),
    "resnet44_cifar": ResNetCifar(7),
    "resnet56_cifar": ResNetCifar(9),
    "resnet110_cifar": ResNetCifar(18),
    "resnet1202_cifar": ResNetCifar(200),
    "resnet110_v2_cifar": v2(18, preact_basic),
    "resnet164_v2_cifar": v2(18, preact_bottleneck),
    "resnet1001_v2_cifar": v2(111, preact_bottleneck),
}


def features(x, net, unit):
    """Levels C0 (the picture's own size), C1 and C2: the three stages."""
    x = (unit.conv if net.preactivation else unit)(x, net.widths[0], 3, name="conv1")
    levels = {}
    for stage, width in enumerate(net.widths):
        for i in range(net.n):
            stride = 2 if stage > 0 and i == 0 else 1
            x = net.block(x, width, stride=stride, unit=unit, name=f"conv{stage + 2}_block{i + 1}")
        levels[f"C{stage}"] = x
    if net.preactivation:
        levels[f"C{stage}"] = unit.act(unit.norm(x, name="post"), name="post")
    return levels
