"""YOLOX. Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021", 2107.08430, section 2, Fig. 2.

A path aggregation pyramid (Liu et al. 2018, "Path Aggregation Network for Instance Segmentation", 1803.01534, Fig. 1)
on three levels, and a head without anchors that separates classes from boxes: each position predicts one box, whose
deltas are relative to the square of one stride at that position. The score of a class is its probability times that of
an object.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.csp import csp_stage, spatial
from keras_cnns.blocks.dense_heads import DETECTIONS, joined
from keras_cnns.blocks.head import score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.pixels import check_size, pad_for_levels
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Ge et al.", 2021, "YOLOX: Exceeding YOLO Series in 2021", "2107.08430")
CHANNELS = {3: 256, 4: 512, 5: 1024}  # of the levels at width 1
PRIOR = 0.01  # the probability of a class, and of an object, at every position when training begins


@dataclass(frozen=True, kw_only=True)
class YOLOX(OnBackbone):
    """One network.

    Args:
      depth: factor on the number of bottlenecks in the pyramid. That of the backbone is in `columns`.
      width: factor on the number of channels of the pyramid and the head. That of the backbone is in `columns`.
      depthwise: whether 3x3 convolutions of the pyramid and the head are depthwise-separable.
      detections: the largest number of boxes in an answer.
      candidates: the number of best boxes that enter suppression.
      overlap: the largest IoU of two boxes of one class in the answer.
      least: an object's score is larger than this.
    """

    backbone: str = "csp_darknet"
    depth: float = 1.0
    width: float = 1.0
    depthwise: bool = False
    detections: int = 100
    candidates: int = 1000
    overlap: float = 0.65
    least: float = 0.01
    classes: int = 80  # of COCO
    input_shape: tuple[int, int, int] = (640, 640, 3)
    preprocessing: str = "bgr"


def published(depth: float, width: float, **columns: Any) -> YOLOX:
    """A row whose backbone has the same depth and width."""
    depthwise = columns.get("depthwise", False)
    backbone = {"depth": depth, "width": width, "depthwise": depthwise}
    return YOLOX(depth=depth, width=width, columns=backbone, **columns)


light = partial(published, input_shape=(416, 416, 3))

VARIANTS = {
    "yolox": YOLOX(
        backbone="mobilenet_v2", depth=0.33, width=0.375, depthwise=True, input_shape=(416, 416, 3), preprocessing="tf"
    ),
    "yolox_nano": light(0.33, 0.25, depthwise=True),
    "yolox_tiny": light(0.33, 0.375),
    "yolox_s": published(0.33, 0.50),
    "yolox_m": published(0.67, 0.75),
    "yolox_l": published(1.0, 1.0),
    "yolox_x": published(1.33, 1.25),
}


def pyramid(levels: Levels, net: YOLOX, unit: ConvUnit) -> list[Tensor]:
    """Levels 3, 4 and 5, joined with coarser levels on the way up and with finer ones on the way down."""
    blocks: dict[str, Any] = {
        "depth": round(3 * net.depth),
        "shortcut": False,
        "depthwise": net.depthwise,
        "unit": unit,
    }
    width = {level: int(channels * net.width) for level, channels in CHANNELS.items()}
    c3, c4, c5 = levels["C3"], levels["C4"], levels["C5"]
    top = unit(c5, width[4], 1, name="pyramid_lateral5")
    middle = csp_stage(_enlarged(top, c4, net, 4), width[4], **blocks, name="pyramid_up4")
    middle = unit(middle, width[3], 1, name="pyramid_lateral4")
    p3 = csp_stage(_enlarged(middle, c3, net, 3), width[3], **blocks, name="pyramid_up3")
    p4 = csp_stage(_reduced(p3, middle, net, unit, 4), width[4], **blocks, name="pyramid_down4")
    p5 = csp_stage(_reduced(p4, top, net, unit, 5), width[5], **blocks, name="pyramid_down5")
    return [p3, p4, p5]


def _enlarged(x: Tensor, finer: Tensor, net: YOLOX, level: int) -> Tensor:
    x = layers.UpSampling2D(2, name=f"pyramid_enlarge{level}")(x)
    check_size(finer, x.shape[1:3], net.backbone, f"C{level}")
    return layers.Concatenate(name=f"pyramid_join{level}")([x, finer])


def _reduced(x: Tensor, coarser: Tensor, net: YOLOX, unit: ConvUnit, level: int) -> Tensor:
    x = spatial(x, x.shape[-1], stride=2, depthwise=net.depthwise, unit=unit, name=f"pyramid_reduce{level}")
    return layers.Concatenate(name=f"pyramid_joined{level}")([x, coarser])


def predict(levels: Levels, net: YOLOX, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.YOLOXDetections`."""
    maps = pyramid(levels, net, unit)
    scores, deltas, objectness = zip(
        *(_head(x, net, unit, classes, f"head{level}") for level, x in zip(CHANNELS, maps, strict=True)), strict=True
    )
    options: dict[str, Any] = {"least": net.least, "threshold": net.overlap, "candidates": net.candidates}
    return own.YOLOXDetections(net.detections, **options, name=DETECTIONS)(
        [joined(scores, classes, name="logits"), joined(objectness, 1, name="objectness")],
        joined(deltas, 4, name="deltas"),
        maps,
        levels.image,
    )


def _head(x: Tensor, net: YOLOX, unit: ConvUnit, classes: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Class logits, box deltas and objectness of one level: two convolutions for classes, two for boxes."""
    width, prior = int(CHANNELS[3] * net.width), keras.initializers.Constant(-math.log((1 - PRIOR) / PRIOR))
    x = unit(x, width, 1, name=f"{name}_stem")
    by_class = by_box = x
    for i in (1, 2):
        by_class = spatial(by_class, width, depthwise=net.depthwise, unit=unit, name=f"{name}_classes_{i}")
        by_box = spatial(by_box, width, depthwise=net.depthwise, unit=unit, name=f"{name}_boxes_{i}")
    options: dict[str, Any] = {"kernel_initializer": unit.initializer, "dtype": score_dtype()}
    scores = layers.Conv2D(classes, 1, bias_initializer=prior, **options, name=f"{name}_class_scores")(by_class)
    deltas = layers.Conv2D(4, 1, **options, name=f"{name}_box_deltas")(by_box)
    objectness = layers.Conv2D(1, 1, bias_initializer=prior, **options, name=f"{name}_objectness")(by_box)
    return scores, deltas, objectness


HEAD = Head(
    predict, task="detection", scores=("head3_class_scores", "class_scores"), pad=pad_for_levels, assignment="yolox"
)
