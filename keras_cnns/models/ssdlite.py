"""SSDLite: SSD of separable convolutions. Sandler et al. 2018, "MobileNetV2 ...", 1801.04381, section 6.2.

`ssdlite320_mobilenet_v3_large` is torchvision's. Its first level is the expansion of the first block of stride 32, and
its backbone's last blocks have half of their channels (Howard et al. 2019, 1905.02244, section 6.3).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.head import score_dtype
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper
from keras_cnns.models.mobilenet_v3 import TABLE_1
from keras_cnns.models.ssd import ASPECT, SCORES, SSD, boxes_of_first_level, detected
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Sandler et al.", 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", "1801.04381")
# rows of Table 1 from the first block of stride 32 on, with half of their channels and of those they expand to
HALVED = ((5, 672, 80, True, "hard_swish", 2), *(2 * ((5, 480, 80, True, "hard_swish", 1),)))


@dataclass(frozen=True, kw_only=True)
class SSDLite(SSD):
    """SSD's columns; `fc` and `rescale` are not used. Every 3x3 convolution is depthwise, with normalization."""

    backbone: str = "mobilenet_v2"
    levels: tuple[str, ...] = ("C4", "C5")
    extras: tuple[tuple[int, int, int], ...] = ((256, 512, 2), (128, 256, 2), (128, 256, 2), (64, 128, 2))
    scales: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
    ratios: tuple[tuple[float, ...], ...] = 6 * (ASPECT,)
    detections: int = 300
    candidates: int = 300
    least: float = 0.001
    overlap: float = 0.55
    input_shape: tuple[int, int, int] = (320, 320, 3)
    classes: int = 90  # numbers of COCO's categories; 80 of them are used


VARIANTS = {
    "ssdlite": SSDLite(),
    "ssdlite320_mobilenet_v3_large": SSDLite(
        backbone="mobilenet_v3_large",
        columns={
            "table": (*TABLE_1[:12], *HALVED),
            "numerics": Numerics(padding="symmetric", epsilon=1e-3, momentum=0.97),
            "preprocessing": "tf",
        },
        levels=("block13_expand_hard_swish", "C5"),
    ),
}


def predict(levels: Levels, net: SSDLite, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.DenseDetections`."""
    unit = replace(unit, activation="relu6", initializer=keras.initializers.RandomNormal(stddev=0.03))
    maps = [levels[name] for name in net.levels]
    for number, (narrow, filters, stride) in enumerate(net.extras, start=1):
        x = unit(maps[-1], narrow, 1, name=f"extra{number}_reduce")
        x = unit.depthwise(x, 3, stride=stride, name=f"extra{number}_depthwise")
        maps.append(unit(x, filters, 1, name=f"extra{number}_expand"))
    return detected(maps, levels.image, net, classes, _separable(unit))


def _separable(unit: ConvUnit) -> Callable[[Tensor, int, str], Tensor]:
    """A depthwise 3x3 convolution with normalization and activation, and a linear 1x1 convolution."""

    def head(x: Tensor, filters: int, name: str) -> Tensor:
        x = unit.depthwise(x, 3, name=f"depthwise_{name}")
        options = {"kernel_initializer": unit.initializer, "dtype": score_dtype()}
        return layers.Conv2D(filters, 1, name=name, **options)(x)

    return head


HEAD = Head(predict, task="detection", scores=SCORES, background=1, boxes=boxes_of_first_level, assignment="ssd")
