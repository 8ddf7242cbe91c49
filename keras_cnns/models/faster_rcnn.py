"""Faster R-CNN. Ren et al. 2015, "Faster R-CNN: Towards Real-Time Object Detection ...", 1506.01497, Fig. 2.

Its heads are Fast R-CNN's: Girshick 2015, 1504.08083. Proposals are made once by the layers that train for them, and
are what the heads get in inference; training calls the two parts (`parts`) by themselves.
"""

from dataclasses import dataclass

from keras_cnns import layers as own
from keras_cnns.family.protocol import Paper
from keras_cnns.models.fast_rcnn import FastRCNN, heads, narrowed, normal, stride
from keras_cnns.support.lazy_imports import layers

PAPER = Paper(
    "Ren et al.",
    2015,
    "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks",
    "1506.01497",
)


@dataclass(frozen=True, kw_only=True)
class FasterRCNN(FastRCNN):
    """Fast R-CNN's columns, and those of the network that proposes.

    rpn: its channels. scales, ratios: of the anchors, in pixels and height / width. before, proposals: how many boxes
    go into suppression and how many come out.
    """

    rpn: int = 512
    scales: tuple = (128, 256, 512)
    ratios: tuple = (0.5, 1.0, 2.0)
    before: int = 6000
    proposals: int = 300


VARIANTS = {
    "faster_rcnn_vgg16": FasterRCNN(),
    "faster_rcnn": FasterRCNN(backbone="resnet50", width=256, fc=(1024, 1024), dropout=0.0, roi_pooling="align"),
}


def predict(image, level, net, unit, *, classes, activation):
    """What is found on each picture: see `layers.Detections`. level: a level's or layer's name -> its output."""
    x = narrowed(level(net.level), net)
    y = unit.act(_conv(x, net.rpn, 3, "rpn"), name="rpn")
    count = len(net.scales) * len(net.ratios)
    objectness, deltas = _conv(y, count, 1, "rpn_objectness"), _conv(y, 4 * count, 1, "rpn_deltas")
    propose = own.Proposals(stride(net), net.scales, net.ratios, net.proposals, net.before, name="proposals")
    return heads(x, propose(objectness, deltas, image), image, net, unit, classes=classes)


def _conv(x, filters, kernel, name):
    return layers.Conv2D(filters, kernel, padding="same", kernel_initializer=normal(0.01), name=name)(x)
