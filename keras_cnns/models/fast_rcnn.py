"""Fast R-CNN. Girshick 2015, "Fast R-CNN", 1504.08083, Fig. 1: a picture and boxes in, what the boxes show out.

The boxes come from elsewhere (selective search in the paper) and are the network's second input.
"""

from dataclasses import dataclass, field

from keras_cnns import layers as own
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.blocks.residual import known
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import keras, layers

PAPER = Paper("Girshick", 2015, "Fast R-CNN", "1504.08083")
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the heads' deltas
POOLINGS = {"max": "RoIMaxPooling", "align": "RoIAlign"}


@dataclass(frozen=True, kw_only=True)
class FastRCNN(Variant):
    """backbone: a name of the registry. columns: of its row, that are other ones. level: that the heads stand on.

    width: of the level, brought there by a convolution of 1x1 where it has more channels; None: as it is.
    proposals: boxes that are given with each picture; None: any number (a .tflite file has one). roi_pooling: "max" or
    "align". fc: channels of the heads' fully connected layers. detections: boxes of an answer, at most.
    """

    backbone: str = "vgg16"
    columns: dict = field(default_factory=dict)
    level: str = "C4"
    width: int | None = None
    proposals: int | None = None
    roi_pooling: str = "max"
    fc: tuple = (4096, 4096)
    detections: int = 100
    input_shape: tuple = (600, 800, 3)
    min_size: int = 32
    classes: int = 20  # PASCAL VOC's; the ground is one more inside
    dropout: float = 0.5
    task: str = "detection"


VARIANTS = {
    "fast_rcnn_vgg16": FastRCNN(),
    "fast_rcnn": FastRCNN(backbone="resnet50", width=256, fc=(1024, 1024), dropout=0.0, roi_pooling="align"),
}


def inputs(net):
    """What the network takes beside the picture: boxes [B, R, 4] in pixels; those without an area are none."""
    return {"proposals": keras.Input((net.proposals, 4), name="proposals")}


def predict(image, level, net, unit, *, proposals, classes, activation):
    """What is found on each picture: see `layers.Detections`. level: a level's or layer's name -> its output."""
    return heads(narrowed(level(net.level), net), proposals, image, net, unit, classes=classes)


def narrowed(x, net):
    """The level as the heads take it. fc6 of 1,024 channels more often costs more than all of ResNet-50 before it."""
    if net.width is None or x.shape[-1] <= net.width:
        return x
    return layers.Conv2D(net.width, 1, kernel_initializer="he_uniform", name="narrow")(x)


def stride(net):
    """Pixels from one position of the level to the next."""
    return 2 ** int(net.level.removeprefix("C"))


def heads(x, boxes, image, net, unit, *, classes):
    """From a level and boxes to detections: each box pooled to 7x7, fc6, fc7, scores and refined boxes."""
    pooling = getattr(own, POOLINGS[known(net.roi_pooling, POOLINGS, "roi_pooling")])
    return refined(pooling(7, stride(net), name="roi_pooling")(x, boxes), boxes, image, net, unit, classes=classes)


def refined(pooled, boxes, image, net, unit, *, classes, overlap=0.3):
    """fc6, fc7, scores and refined boxes of pooled regions [B, R, 7, 7, C]. overlap: at most, of those that stay."""
    y = own.FlattenRegions(name="roi_flatten")(pooled)
    for i, width in enumerate(net.fc, start=6):
        y = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(y), name=f"fc{i}")
        y = dropout(y, net.dropout, name=f"drop{i}")
    scores = layers.Dense(1 + classes, kernel_initializer=normal(0.01), dtype=score_dtype(), name="class_scores")(y)
    deltas = layers.Dense(4 * classes, kernel_initializer=normal(0.001), dtype=score_dtype(), name="box_deltas")(y)
    return own.Detections(net.detections, WEIGHTS, threshold=overlap, name="detections")(scores, deltas, boxes, image)


def parts(model):
    """The two parts that are trained, of the same layers as `model`, also where it makes its proposals itself.

    Returns:
      (image -> level, or [level, objectness, deltas]; (level, boxes [B, R, 4]) -> (scores, deltas)); with a pyramid
      each of the three is a list of levels
    """
    names = [layer.name for layer in model.layers]
    level, _ = model.get_layer("roi_pooling")._inbound_nodes[0].arguments.args
    proposing = [layer for layer in model.layers if hasattr(layer, "propose")]
    first = [level, *proposing[0]._inbound_nodes[0].arguments.args[:2]] if proposing else level
    level = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=x.dtype), level)
    boxes = keras.Input((None, 4), dtype="float32")
    x = model.get_layer("roi_pooling")(level, boxes)
    # in the order in which they were made: a head is a chain
    for name in (n for n in names if n == "roi_flatten" or n.startswith(("fc", "drop"))):
        x = model.get_layer(name)(x)
    last = [model.get_layer(name)(x) for name in ("class_scores", "box_deltas")]
    return keras.Model(model.inputs[0], first, name="first_part"), keras.Model([level, boxes], last, name="heads")


def normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation)
