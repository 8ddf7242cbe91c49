"""RetinaNet. Lin et al. 2017, "Focal Loss for Dense Object Detection", 1708.02002, Fig. 3.

`retinanet_resnet50_fpn` is torchvision's: its coarsest levels are made from the pyramid, its anchors are whole pixels
centred on the corner of a position, its batch normalization has no epsilon, and class 0 is not used.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit
from keras_cnns.blocks.dense_heads import DETECTIONS, joined
from keras_cnns.blocks.head import score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.pixels import pad_for_levels
from keras_cnns.family.head import Head, Levels, level_number
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.models.fast_rcnn import normal
from keras_cnns.models.fpn import pyramid
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Lin et al.", 2017, "Focal Loss for Dense Object Detection", "1708.02002")
PRIOR = 0.01  # the probability of an object at every position when training begins (section 4.1)


@dataclass(frozen=True, kw_only=True)
class RetinaNet(OnBackbone):
    """One network.

    Args:
      levels: the levels of the backbone that the pyramid is made of.
      width: channels of every level of the pyramid, and of the heads.
      coarser: levels after the last one, each by a 3x3 convolution of stride 2.
      depth: 3x3 convolutions of each head before its output.
      scales: the side of the smallest anchors of each level in pixels.
      octaves: sizes of anchors between the scale of a level and the next one's.
      ratios: height / width of the anchors.
      offset, rounded: see `geometry.anchors.pyramid_anchors`; `rounded` also rounds the sides down.
      detections: the largest number of boxes in an answer.
      candidates: the number of best boxes of each level that enter suppression.
      least: an object's score is larger than this.
      overlap: the largest IoU of two boxes of one class in the answer.
    """

    backbone: str = "resnet50"
    levels: tuple[str, ...] = ("C3", "C4", "C5")
    width: int = 256
    coarser: int = 2
    depth: int = 4
    scales: tuple[float, ...] = (32, 64, 128, 256, 512)
    octaves: int = 3
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    offset: float = 0.5
    rounded: bool = False
    detections: int = 300
    candidates: int = 1000
    least: float = 0.05
    overlap: float = 0.5
    input_shape: tuple[int, int, int] = (800, 800, 3)
    classes: int = 80  # of COCO


VARIANTS = {
    "retinanet": RetinaNet(),
    "retinanet_resnet50_fpn": RetinaNet(
        backbone="resnet50_v1_5",
        columns={"numerics": replace(TORCH, epsilon=1e-12)},
        offset=0.0,
        rounded=True,
        preprocessing="torch",
        classes=91,  # numbers of COCO's categories, from 0; 80 of them are used
    ),
}


def predict(levels: Levels, net: RetinaNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.DenseDetections`."""
    maps = pyramid([levels[name] for name in net.levels], net)
    first = level_number(net.levels[0])
    x = maps[-1]
    for number in range(first + len(maps), first + len(maps) + net.coarser):
        x = unit.conv(x, net.width, 3, stride=2, bias=True, name=f"fpn_outer{number}")
        maps.append(x)
        x = layers.ReLU(name=f"fpn_relu{number}")(x)
    count = net.octaves * len(net.ratios)
    prior = keras.initializers.Constant(-math.log((1 - PRIOR) / PRIOR))
    scores = _head(maps, "class", count * classes, "class_scores", net, bias_initializer=prior)
    deltas = _head(maps, "box", count * 4, "box_deltas", net)
    detect = own.RetinaNetDetections(
        net.detections,
        least=net.least,
        threshold=net.overlap,
        candidates=net.candidates,
        stride=2**first,
        scales=anchor_scales(net),
        ratios=net.ratios,
        offset=net.offset,
        rounded=net.rounded,
        name=DETECTIONS,
    )
    return detect(joined(scores, classes, name="logits"), joined(deltas, 4, name="deltas"), maps, levels.image)


def anchor_scales(net: RetinaNet) -> tuple[tuple[float, ...], ...]:
    """For each level, the square roots of its anchors' areas in pixels."""
    sides = [[scale * 2 ** (n / net.octaves) for n in range(net.octaves)] for scale in net.scales]
    return tuple(tuple(math.floor(side) if net.rounded else side for side in own) for own in sides)


def boxes_of_position(net: RetinaNet) -> int:
    """The number of anchors at each position."""
    return net.octaves * len(net.ratios)


def _head(maps: list[Tensor], start: str, filters: int, name: str, net: RetinaNet, **options: Any) -> list[Tensor]:
    """One head on every level; the levels share its layers."""
    tower = [_conv(net.width, f"{start}_tower{n}", activation="relu") for n in range(1, net.depth + 1)]
    last, outputs = _conv(filters, name, dtype=score_dtype(), **options), []
    for x in maps:
        for conv in tower:
            x = conv(x)
        outputs.append(last(x))
    return outputs


def _conv(filters: int, name: str, **options: Any) -> Any:
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=normal(0.01), name=name, **options)


HEAD = Head(
    predict,
    task="detection",
    scores=("class_scores",),
    pad=pad_for_levels,
    boxes=boxes_of_position,
    assignment="retinanet",
)
