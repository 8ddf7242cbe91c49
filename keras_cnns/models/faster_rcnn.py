"""Faster R-CNN. Ren et al. 2015, "Faster R-CNN: Towards Real-Time Object Detection ...", 1506.01497, Fig. 2.

The heads are those of Fast R-CNN: Girshick 2015, 1504.08083. At inference they get this network's proposals.
In training the two parts of the network (`fast_rcnn.parts`) are called one after the other.
"""

from dataclasses import dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.own_layers import own
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper
from keras_cnns.models.fast_rcnn import SCORES, FastRCNN, heads, narrowed, normal, stride
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Ren et al.",
    2015,
    "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks",
    "1506.01497",
)


@dataclass(frozen=True, kw_only=True)
class FasterRCNN(FastRCNN):
    """Fast R-CNN's columns, and those of the region proposal network.

    Args:
      rpn: channels of the region proposal network.
      scales: sides of the anchors in pixels.
      ratios: height / width of the anchors.
      before: the number of best boxes that enter non-maximum suppression.
      proposals: the number of boxes that leave it.
    """

    rpn: int = 512
    scales: tuple[int, ...] = (128, 256, 512)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    before: int = 6000
    proposals: int = 300


VARIANTS = {
    "faster_rcnn_vgg16": FasterRCNN(),
    "faster_rcnn": FasterRCNN(backbone="resnet50", width=256, fc=(1024, 1024), dropout=0.0, roi_pooling="align"),
}


def predict(levels: Levels, net: FasterRCNN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.Detections`."""
    image, x = levels.image, narrowed(levels[net.level], net)
    y = unit.act(_conv(x, net.rpn, 3, "rpn"), name="rpn")
    count = len(net.scales) * len(net.ratios)
    objectness, deltas = _conv(y, count, 1, "rpn_objectness"), _conv(y, 4 * count, 1, "rpn_deltas")
    propose = own.Proposals(stride(net), net.scales, net.ratios, net.proposals, net.before, name="proposals")
    return heads(x, propose(objectness, deltas, image), image, net, unit, classes=classes)


def _conv(x: Tensor, filters: int, kernel: int, name: str) -> Tensor:
    return layers.Conv2D(filters, kernel, padding="same", kernel_initializer=normal(0.01), name=name)(x)


HEAD = Head(predict, task="detection", scores=SCORES, background=1, proposes=True)
