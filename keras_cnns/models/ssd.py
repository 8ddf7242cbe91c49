"""SSD. Liu et al. 2015, "SSD: Single Shot MultiBox Detector", 1512.02325, Fig. 2.

`ssd300_vgg16` is torchvision's, whose default boxes have no levels of their own scale below 0.07.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit
from keras_cnns.blocks.dense_heads import DETECTIONS, joined
from keras_cnns.blocks.head import score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.preprocessing import Preprocessing
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Liu et al.", 2015, "SSD: Single Shot MultiBox Detector", "1512.02325")
SCORES = ("class_scores1", "class_scores")
ASPECT = (2, 3)  # ratios of the boxes of most levels
PIXELS = Preprocessing(offset=(-0.48235 * 255, -0.45882 * 255, -0.40784 * 255))  # of torchvision's weights


@dataclass(frozen=True, kw_only=True)
class SSD(OnBackbone):
    """One network.

    Args:
      levels: the levels of the backbone that are scored, finest first: their names, or names of the backbone's layers.
      fc: channels of fc6 and fc7 on the last of these levels, convolutions with dilation 6 and 1; () for none.
      extras: a coarser level each: (channels of its 1x1 convolution, channels of its 3x3 convolution, stride of the
        latter). A 3x3 convolution of stride 1 has no padding.
      rescale: the initial scale of the first level, which is normalized at each position; 0 for no normalization.
      scales, ratios, steps: of the default boxes, see `geometry.default_boxes`. Each level has one scale, and one more
        follows the last.
      detections: the largest number of boxes in an answer.
      candidates: the number of best boxes of each class that enter suppression.
      least: an object's score is larger than this.
      overlap: the largest IoU of two boxes of one class in the answer.
    """

    backbone: str = "resnet50"
    levels: tuple[str, ...] = ("C3", "C4", "C5")
    fc: tuple[int, ...] = ()
    extras: tuple[tuple[int, int, int], ...] = ((256, 512, 2), (128, 256, 2), (128, 256, 2))
    rescale: float = 0.0
    scales: tuple[float, ...] = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
    ratios: tuple[tuple[float, ...], ...] = ((2,), ASPECT, ASPECT, ASPECT, (2,), (2,))
    steps: tuple[float, ...] = ()
    detections: int = 200
    candidates: int = 400
    least: float = 0.01
    overlap: float = 0.45
    input_shape: tuple[int, int, int] = (300, 300, 3)
    classes: int = 20  # of PASCAL VOC; the class scores have one more, the background


VARIANTS = {
    "ssd300_vgg16": SSD(
        backbone="vgg16",
        columns={
            "pool_padding": "same",
            "numerics": TORCH,
            "preprocessing": PIXELS,
        },
        levels=("C3", "C4"),
        fc=(1024, 1024),
        extras=((256, 512, 2), (128, 256, 2), (128, 256, 1), (128, 256, 1)),
        rescale=20.0,
        steps=(8, 16, 32, 64, 100, 300),
        preprocessing=PIXELS,
        min_size=257,  # below, the last level would have no position
        classes=90,  # numbers of COCO's categories; 80 of them are used
    ),
    "ssd": SSD(),
}


def predict(levels: Levels, net: SSD, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.DenseDetections`."""
    maps = [levels[name] for name in net.levels]
    if net.rescale:
        x = layers.UnitNormalization(axis=-1, name="first_unit")(maps[0])
        maps[0] = own.LayerScale(net.rescale, name="first_scale")(x)
    if net.fc:
        maps[-1] = _fully_connected(maps[-1], net, unit)
    for number, (narrow, filters, stride) in enumerate(net.extras, start=1):
        name = f"extra{number}"
        x = _unit(maps[-1], narrow, 1, unit, name=f"{name}_reduce")
        options: dict[str, Any] = {"stride": stride} if stride > 1 else {"padding": "valid"}
        maps.append(_unit(x, filters, 3, unit, name=f"{name}_conv", **options))
    return detected(maps, levels.image, net, classes, _head)


def detected(maps: Sequence[Tensor], image: Tensor, net: SSD, classes: int, head: Any) -> Tensor:
    """Scores and deltas of every level, and what they detect.

    head: (x, filters, name) -> x with so many channels; the layer of the result is called `name`.
    """
    if not len(maps) == len(net.ratios) == len(net.scales) - 1:
        raise BadArgument(
            f"there are {len(maps)} levels (levels and extras), {len(net.ratios)} ratios and {len(net.scales)} scales: "
            "each level needs ratios and a scale, and one more scale follows the last."
        )
    scores, deltas = [], []
    for number, (x, ratios) in enumerate(zip(maps, net.ratios, strict=True), start=1):
        count = 2 + 2 * len(ratios)
        scores.append(head(x, count * (1 + classes), f"class_scores{number}"))
        deltas.append(head(x, count * 4, f"box_deltas{number}"))
    detect = own.SSDDetections(
        net.detections,
        least=net.least,
        threshold=net.overlap,
        candidates=net.candidates,
        scales=net.scales,
        ratios=net.ratios,
        steps=net.steps,
        name=DETECTIONS,
    )
    return detect(joined(scores, 1 + classes, name="logits"), joined(deltas, 4, name="deltas"), list(maps), image)


def boxes_of_first_level(net: SSD) -> int:
    """The number of default boxes at each position of the first level."""
    return 2 + 2 * len(net.ratios[0])


def _fully_connected(x: Tensor, net: SSD, unit: ConvUnit) -> Tensor:
    """VGG's fc6 and fc7 as convolutions, after a pooling that keeps the size (section 3)."""
    x = layers.MaxPooling2D(3, 1, "same", name="pool5_dense")(x)
    for i, width in enumerate(net.fc, start=6):
        x = _unit(x, width, 3 if i == 6 else 1, unit, name=f"fc{i}", dilation=6 if i == 6 else 1)
    return x


def _unit(x: Tensor, filters: int, kernel: int, unit: ConvUnit, *, name: str, **options: Any) -> Tensor:
    """A convolution with bias, and its activation: the paper predates batch normalization."""
    return unit.act(unit.conv(x, filters, kernel, bias=True, name=name, **options), "relu", name=name)


def _head(x: Tensor, filters: int, name: str) -> Tensor:
    """One 3x3 convolution."""
    return layers.Conv2D(filters, 3, padding="same", dtype=score_dtype(), name=name)(x)


HEAD = Head(predict, task="detection", scores=SCORES, background=1, boxes=boxes_of_first_level, assignment="ssd")
