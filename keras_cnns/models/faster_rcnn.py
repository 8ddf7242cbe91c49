"""Faster R-CNN. Ren et al. 2015, "Faster R-CNN: Towards Real-Time Object Detection ...", 1506.01497, Fig. 2.

Its heads are Fast R-CNN's: Girshick 2015, 1504.08083. Proposals are made once by the layers that train for them, and
are what the heads get in inference; training calls the two parts (`parts`) by themselves.
"""

from dataclasses import dataclass, field

from keras_cnns import layers as own
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.blocks.residual import known
from keras_cnns.family import Paper, Variant
from keras_cnns.lazy import keras, layers

PAPER = Paper(
    "Ren et al.",
    2015,
    "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks",
    "1506.01497",
)
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the heads' deltas
POOLINGS = {"max": "RoIMaxPooling", "align": "RoIAlign"}


@dataclass(frozen=True, kw_only=True)
class FasterRCNN(Variant):
    """backbone: a name of the registry. columns: of its row, that are other ones. level: that both parts stand on.

    rpn: channels of the proposal network. scales, ratios: of the anchors, in pixels and height / width.
    before, proposals: how many boxes go into suppression and how many come out. roi_pooling: "max" or "align".
    fc: channels of the heads' fully connected layers. detections: boxes of an answer, at most.
    """

    backbone: str = "vgg16"
    columns: dict = field(default_factory=dict)
    level: str = "C4"
    rpn: int = 512
    scales: tuple = (128, 256, 512)
    ratios: tuple = (0.5, 1.0, 2.0)
    before: int = 6000
    proposals: int = 300
    roi_pooling: str = "max"
    fc: tuple = (4096, 4096)
    detections: int = 100
    input_shape: tuple = (600, 800, 3)
    min_size: int = 32
    classes: int = 20  # PASCAL VOC's; the ground is one more inside
    dropout: float = 0.5
    task: str = "detection"


VARIANTS = {
    "faster_rcnn_vgg16": FasterRCNN(),
    "faster_rcnn": FasterRCNN(backbone="resnet50", fc=(1024, 1024), dropout=0.0, roi_pooling="align"),
}


def padded(x):
    """The picture as it is."""
    return x


def predict(image, level, net, unit, *, classes, activation):
    """What is found on each picture: see `layers.Detections`. level: a level's or layer's name -> its output."""
    pooling = getattr(own, POOLINGS[known(net.roi_pooling, POOLINGS, "roi_pooling")])
    stride = 2 ** int(net.level.removeprefix("C"))
    x = layers.Identity(name="shared")(level(net.level))

    y = unit.act(_conv(x, net.rpn, 3, "rpn"), name="rpn")
    count = len(net.scales) * len(net.ratios)
    objectness, deltas = _conv(y, count, 1, "rpn_objectness"), _conv(y, 4 * count, 1, "rpn_deltas")
    propose = own.Proposals(stride, net.scales, net.ratios, net.proposals, net.before, name="proposals")
    boxes = propose(objectness, deltas, image)

    y = pooling(7, stride, name="roi_pooling")(x, boxes)
    y = layers.Reshape((-1, 49 * x.shape[-1]), name="roi_flatten")(y)
    for i, width in enumerate(net.fc, start=6):
        y = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(y), name=f"fc{i}")
        y = dropout(y, net.dropout, name=f"drop{i}")
    scores = layers.Dense(1 + classes, kernel_initializer=_normal(0.01), dtype=score_dtype(), name="class_scores")(y)
    refined = layers.Dense(4 * classes, kernel_initializer=_normal(0.001), dtype=score_dtype(), name="box_deltas")(y)
    return own.Detections(net.detections, WEIGHTS, name="detections")(scores, refined, boxes, image)


def parts(model):
    """The two parts that are trained, of the same layers as `model`.

    Returns:
      (proposals: image -> (level, objectness, deltas); heads: (level, boxes [B, R, 4]) -> (scores, deltas))
    """
    names = [layer.name for layer in model.layers]
    outputs = [model.get_layer(name).output for name in ("shared", "rpn_objectness", "rpn_deltas")]
    level = keras.Input(outputs[0].shape[1:], dtype=outputs[0].dtype)
    boxes = keras.Input((None, 4), dtype="float32")
    x = model.get_layer("roi_pooling")(level, boxes)
    # in the order in which they were made: a head is a chain
    for name in (n for n in names if n == "roi_flatten" or n.startswith(("fc", "drop"))):
        x = model.get_layer(name)(x)
    heads = [model.get_layer(name)(x) for name in ("class_scores", "box_deltas")]
    return keras.Model(model.input, outputs, name="proposals_part"), keras.Model([level, boxes], heads, name="heads")


def _conv(x, filters, kernel, name):
    return layers.Conv2D(filters, kernel, padding="same", kernel_initializer=_normal(0.01), name=name)(x)


def _normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation)
