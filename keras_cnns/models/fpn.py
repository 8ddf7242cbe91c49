"""Feature pyramid. Lin et al. 2016, "Feature Pyramid Networks for Object Detection", 1612.03144, Fig. 3, Faster R-CNN.

`faster_rcnn_resnet50_fpn` is torchvision's: corners of anchors are whole pixels around the corner of their position,
and batch normalization has no epsilon.
"""

from dataclasses import dataclass, replace

from keras_cnns import layers as own
from keras_cnns.blocks.conv import TORCH
from keras_cnns.family.protocol import Paper
from keras_cnns.models.fast_rcnn import normal, refined
from keras_cnns.models.faster_rcnn import FasterRCNN
from keras_cnns.models.fcn import padded  # noqa: F401 (every level half the one before)
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Lin et al.", 2016, "Feature Pyramid Networks for Object Detection", "1612.03144")


@dataclass(frozen=True, kw_only=True)
class FPN(FasterRCNN):
    """Faster R-CNN's columns, of which level and roi_pooling have no meaning here.

    levels: of the backbone that the pyramid is made of. width: of all its levels. scales: of the anchors of each level,
    and of one twice as coarse at the end. before: boxes of each level that go into suppression.
    offset, rounded: of the anchors, see `layers.PyramidProposals`. aligned: see `layers.RoIAlign`.
    """

    backbone: str = "resnet50"
    levels: tuple = ("C2", "C3", "C4", "C5")
    width: int = 256
    rpn: int = 256
    scales: tuple = (32, 64, 128, 256, 512)
    before: int = 1000
    proposals: int = 1000
    fc: tuple = (1024, 1024)
    dropout: float = 0.0
    offset: float = 0.5
    rounded: bool = False
    aligned: bool = True
    overlap: float = 0.5
    bilinear: bool = False  # of FCN's columns, that `padded` asks for


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
        classes=90,  # COCO's numbers, of which eighty are used
    ),
}


def predict(image, level, net, unit, *, classes, activation):
    """What is found on each picture: see `layers.Detections`. level: a level's or layer's name -> its output."""
    pyramid = _pyramid([level(name) for name in net.levels], net)
    rpn = _conv(net.rpn, 3, "rpn", "relu")
    objectness, deltas = _conv(len(net.ratios), 1, "rpn_objectness"), _conv(4 * len(net.ratios), 1, "rpn_deltas")
    shared = [rpn(x) for x in pyramid]
    lowest = int(net.levels[0].removeprefix("C"))
    options = {"offset": net.offset, "rounded": net.rounded}
    propose = own.PyramidProposals(
        2**lowest, net.scales, net.ratios, net.proposals, net.before, name="proposals", **options
    )
    boxes = propose([objectness(x) for x in shared], [deltas(x) for x in shared], image)
    pooled = own.PyramidRoIAlign(7, lowest, aligned=net.aligned, name="roi_pooling")(pyramid[:-1], boxes)
    return refined(pooled, boxes, image, net, unit, classes=classes, overlap=net.overlap)


def _pyramid(levels, net):
    """The levels from above joined with what lies beside them, finest first, and a coarser one at the end."""
    first = int(net.levels[0].removeprefix("C"))
    inner = [_conv(net.width, 1, f"fpn_inner{n}")(x) for n, x in enumerate(levels, start=first)]
    for i in range(len(inner) - 2, -1, -1):
        above = layers.UpSampling2D(2, name=f"fpn_upsample{first + i}")(inner[i + 1])
        inner[i] = layers.Add(name=f"fpn_add{first + i}")([inner[i], above])
    outer = [_conv(net.width, 3, f"fpn_outer{n}")(x) for n, x in enumerate(inner, start=first)]
    return [*outer, layers.MaxPooling2D(1, 2, name=f"fpn_outer{first + len(outer)}")(outer[-1])]


def _conv(filters, kernel, name, activation=None):
    initializer = normal(0.01) if name.startswith("rpn") else "he_uniform"
    options = {"padding": "same", "kernel_initializer": initializer, "activation": activation}
    return layers.Conv2D(filters, kernel, name=name, **options)
