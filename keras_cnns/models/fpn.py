"""Feature pyramid. Lin et al. 2016, "Feature Pyramid Networks for Object Detection", 1612.03144, Fig. 3.

`faster_rcnn_resnet50_fpn` is torchvision's: the corners of its anchors are whole pixels, its anchors are centred on the
corner of a position, and its batch normalization has no epsilon.
"""

from dataclasses import dataclass, replace
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.pixels import pad_for_levels
from keras_cnns.family.head import Head, Levels, level_number
from keras_cnns.family.variant import Paper
from keras_cnns.models.fast_rcnn import SCORES, normal, refined
from keras_cnns.models.faster_rcnn import FasterRCNN
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Lin et al.", 2016, "Feature Pyramid Networks for Object Detection", "1612.03144")


@dataclass(frozen=True, kw_only=True)
class FPN(FasterRCNN):
    """Faster R-CNN's columns; `level` and `roi_pooling` are not used.

    Args:
      levels: the levels of the backbone that the pyramid is made of.
      width: channels of every level of the pyramid.
      scales: the side of the anchors of each level in pixels, the last one for an additional, coarser level.
      before: the number of best boxes of each level that enter non-maximum suppression.
      offset, rounded: see `layers.PyramidProposals`.
      aligned: see `layers.RoIAlign`.
      overlap: the largest IoU of two boxes of one class in the answer.
    """

    backbone: str = "resnet50"
    levels: tuple[str, ...] = ("C2", "C3", "C4", "C5")
    width: int | None = 256
    rpn: int = 256
    scales: tuple[int, ...] = (32, 64, 128, 256, 512)
    before: int = 1000
    proposals: int = 1000
    fc: tuple[int, ...] = (1024, 1024)
    dropout: float = 0.0
    offset: float = 0.5
    rounded: bool = False
    aligned: bool = True
    overlap: float = 0.5


VARIANTS = {
    "faster_rcnn_fpn": FPN(),
    "faster_rcnn_resnet50_fpn": FPN(
        backbone="resnet50_v1_5",
        columns={"numerics": replace(TORCH, epsilon=1e-12)},
        offset=0.0,
        rounded=True,
        aligned=False,
        input_shape=(800, 800, 3),
        preprocessing="torch",
        classes=90,  # numbers of COCO's categories; 80 of them are used
    ),
}


def predict(levels: Levels, net: FPN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.Detections`."""
    image, maps = levels.image, pyramid([levels[name] for name in net.levels], net)
    lowest = level_number(net.levels[0])
    maps.append(layers.MaxPooling2D(1, 2, name=f"fpn_outer{lowest + len(maps)}")(maps[-1]))
    rpn = _conv(net.rpn, 3, "rpn", "relu")
    objectness, deltas = _conv(len(net.ratios), 1, "rpn_objectness"), _conv(4 * len(net.ratios), 1, "rpn_deltas")
    shared = [rpn(x) for x in maps]
    propose = own.PyramidProposals(
        2**lowest,
        net.scales,
        net.ratios,
        net.proposals,
        net.before,
        offset=net.offset,
        rounded=net.rounded,
        name="proposals",
    )
    boxes = propose([objectness(x) for x in shared], [deltas(x) for x in shared], image)
    pooled = own.PyramidRoIAlign(7, lowest, aligned=net.aligned, name="roi_pooling")(maps[:-1], boxes)
    return refined(pooled, boxes, image, net, unit, classes=classes, overlap=net.overlap)


def pyramid(levels: list[Tensor], net: Any) -> list[Tensor]:
    """Each level joined with the next coarser one, finest first.

    net: a row with `levels` and `width`.
    """
    first = level_number(net.levels[0])
    inner = [_conv(net.width, 1, f"fpn_inner{n}")(x) for n, x in enumerate(levels, start=first)]
    for i in range(len(inner) - 2, -1, -1):
        above = layers.UpSampling2D(2, name=f"fpn_upsample{first + i}")(inner[i + 1])
        inner[i] = layers.Add(name=f"fpn_add{first + i}")([inner[i], above])
    return [_conv(net.width, 3, f"fpn_outer{n}")(x) for n, x in enumerate(inner, start=first)]


def _conv(filters: int | None, kernel: int, name: str, activation: str | None = None) -> Any:
    initializer = normal(0.01) if name.startswith("rpn") else "he_uniform"
    options = {"padding": "same", "kernel_initializer": initializer, "activation": activation}
    return layers.Conv2D(filters, kernel, name=name, **options)


HEAD = Head(predict, task="detection", scores=SCORES, background=1, pad=pad_for_levels, proposes=True)
