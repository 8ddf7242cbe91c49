"""Fast R-CNN. Girshick 2015, "Fast R-CNN", 1504.08083, Fig. 1: from a picture and boxes to detections.

The boxes (of selective search in the paper) are the network's second input.
"""

from dataclasses import dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.dense_heads import DETECTIONS
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.residual import check_choice
from keras_cnns.family.head import Head, Levels, level_number
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Girshick", 2015, "Fast R-CNN", "1504.08083")
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # by which the heads' deltas are scaled
POOLINGS = ("max", "align")
SCORES = ("class_scores", "box_deltas")


@dataclass(frozen=True, kw_only=True)
class FastRCNN(OnBackbone):
    """One network.

    Args:
      level: the level that the heads stand on.
      width: a 1x1 convolution reduces the level to this many channels if it has more; None for no such convolution.
      proposals: the number of boxes that come with each picture; None for any number. A .tflite file needs a number.
      roi_pooling: "max" or "align".
      fc: units of the heads' fully connected layers.
      detections: the largest number of boxes in an answer.
    """

    backbone: str = "vgg16"
    level: str = "C4"
    width: int | None = None
    proposals: int | None = None
    roi_pooling: str = "max"
    fc: tuple[int, ...] = (4096, 4096)
    detections: int = 100
    input_shape: tuple[int, int, int] = (600, 800, 3)
    min_size: int = 32
    classes: int = 20  # of PASCAL VOC; the class scores have one more, the background
    dropout: float = 0.5


VARIANTS = {
    "fast_rcnn_vgg16": FastRCNN(),
    "fast_rcnn": FastRCNN(backbone="resnet50", width=256, fc=(1024, 1024), dropout=0.0, roi_pooling="align"),
}


def inputs(net: FastRCNN) -> dict[str, Tensor]:
    """The second input: boxes [batch, R, 4] in pixels. Boxes without an area are padding."""
    return {"proposals": keras.Input((net.proposals, 4), name="proposals")}


def predict(levels: Levels, net: FastRCNN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The detections on each picture: see `layers.Detections`."""
    return heads(narrowed(levels[net.level], net), levels.inputs["proposals"], levels.image, net, unit, classes=classes)


def narrowed(x: Tensor, net: FastRCNN) -> Tensor:
    """The level with at most `net.width` channels. On 1,024 channels fc6 would cost more than all of ResNet-50."""
    if net.width is None or x.shape[-1] <= net.width:
        return x
    return layers.Conv2D(net.width, 1, kernel_initializer="he_uniform", name="narrow")(x)


def stride(net: FastRCNN) -> int:
    """Pixels between neighbouring positions of the level."""
    return 2 ** level_number(net.level)


def heads(x: Tensor, boxes: Tensor, image: Tensor, net: FastRCNN, unit: ConvUnit, *, classes: int) -> Tensor:
    """From a level and boxes to detections: each box pooled to 7x7, fc6, fc7, scores and refined boxes."""
    aligned = check_choice(net.roi_pooling, POOLINGS, "roi_pooling") == "align"
    pooling = own.RoIAlign if aligned else own.RoIMaxPooling
    return refined(pooling(7, stride(net), name="roi_pooling")(x, boxes), boxes, image, net, unit, classes=classes)


def refined(
    pooled: Tensor, boxes: Tensor, image: Tensor, net: FastRCNN, unit: ConvUnit, *, classes: int, overlap: float = 0.3
) -> Tensor:
    """fc6, fc7, scores and refined boxes of pooled regions [batch, R, 7, 7, C].

    overlap: the largest IoU of two boxes of one class in the answer.
    """
    y = own.FlattenRegions(name="roi_flatten")(pooled)
    for i, width in enumerate(net.fc, start=6):
        y = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(y), name=f"fc{i}")
        y = dropout(y, net.dropout, name=f"drop{i}")
    scores = layers.Dense(1 + classes, kernel_initializer=normal(0.01), dtype=score_dtype(), name="class_scores")(y)
    deltas = layers.Dense(4 * classes, kernel_initializer=normal(0.001), dtype=score_dtype(), name="box_deltas")(y)
    return own.Detections(net.detections, WEIGHTS, threshold=overlap, name=DETECTIONS)(scores, deltas, boxes, image)


def parts(model: Any) -> tuple[Any, Any]:
    """The two parts of a detector that are trained. They share their layers with `model`.

    Returns:
      A `keras.Model` from the image to the level, or to [level, objectness, deltas] where the network makes its own
      proposals, and one from (level, boxes [batch, R, 4]) to (scores, deltas). With a feature pyramid the level,
      objectness and deltas are each a list, one for each level of the pyramid.
    """
    names = [layer.name for layer in model.layers]
    level, _ = calls_of(model.get_layer("roi_pooling"))[0].arguments.args
    proposing = [layer for layer in model.layers if isinstance(layer, own.Proposals | own.PyramidProposals)]
    first = [level, *calls_of(proposing[0])[0].arguments.args[:2]] if proposing else level
    level = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=x.dtype), level)
    boxes = keras.Input((None, 4), dtype="float32")
    x = model.get_layer("roi_pooling")(level, boxes)
    # the head is a chain of layers, and `model` lists them in order
    for name in (n for n in names if n == "roi_flatten" or n.startswith(("fc", "drop"))):
        x = model.get_layer(name)(x)
    last = [model.get_layer(name)(x) for name in ("class_scores", "box_deltas")]
    return keras.Model(model.inputs[0], first, name="first_part"), keras.Model([level, boxes], last, name="heads")


def normal(deviation: float) -> Any:
    """An initializer: a normal distribution with this standard deviation."""
    return keras.initializers.RandomNormal(stddev=deviation)


HEAD = Head(predict, task="detection", scores=SCORES, background=1, inputs=inputs)
