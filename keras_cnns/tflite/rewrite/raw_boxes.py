"""A one-stage detector without its post-processing: the deltas and the scores of every position are the outputs.

MediaPipe's ObjectDetector decodes them and suppresses boxes itself. The two outputs are "location" [batch, N, 4], the
deltas of (y, x, height, width), and "score" [batch, N, K], probabilities.
"""

import keras
import numpy as np

from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.layers.dense_detections import DenseDetections
from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.tflite.file.detector_metadata import LOCATION, SCORE, Decoding

ORDER = (1, 0, 3, 2)  # of (x, y, width, height), as MediaPipe reads them
HEAD = "raw_boxes"  # a key of `ends.HEADS`
UNIT = (1.0, 1.0, 1.0, 1.0)


def is_one_stage(model: keras.Model) -> bool:
    """Whether the model ends in a layer that turns scores and deltas of all positions into objects."""
    return len(_layers(model)) == 1


def head_of(model: keras.Model, head: str | None, *, wanted: bool) -> tuple[str | None, Decoding | None]:
    """The head of a file, and how its boxes are decoded if it is HEAD.

    head: as the caller states it; None lets `wanted` decide.
    wanted: whether the target decodes the boxes of a one-stage detector itself.
    """
    if head is None and wanted and is_one_stage(model):
        head = HEAD
    return head, decoding(model) if head == HEAD else None


def raw_boxes(model: keras.Model) -> keras.Model:
    """The model with the outputs "location" and "score".

    Raises:
      UnsupportedModel: it is not a one-stage detector.
    """
    layer = _layer(model)
    scores, deltas, _, _ = calls_of(layer)[0].arguments.args
    location = keras.layers.Concatenate(name=LOCATION)([deltas[..., i : i + 1] for i in ORDER])
    score = keras.layers.Activation("linear", name=SCORE)(layer.probabilities(scores))
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(inputs, {LOCATION: location, SCORE: score}, name=model.name)


def decoding(model: keras.Model) -> Decoding:
    """How the boxes follow from the outputs of `raw_boxes(model)`.

    Raises:
      UnsupportedModel: it is not a one-stage detector, or takes pictures of any size.
    """
    layer = _layer(model)
    scores, _, levels, image = calls_of(layer)[0].arguments.args
    _, height, width, channels = image.shape
    if height is None or width is None:
        raise UnsupportedModel(
            f"{model.name} takes pictures of any size, and MediaPipe needs anchors: set input_shape."
        )
    maps = [np.zeros((1, *level.shape[1:3], 1), "float32") for level in levels]
    boxes = layer.references(maps, np.zeros((1, height, width, channels), "float32"))
    boxes = np.concatenate([keras.ops.convert_to_numpy(level) for level in boxes])
    low, high = boxes[:, :2], boxes[:, 2:]
    anchors = np.concatenate([(low + high) / 2, high - low], 1) / np.array([width, height, width, height], "float32")
    logits = scores[0] if isinstance(scores, (list, tuple)) else scores
    classes = logits.shape[-1] - (layer.scoring == "softmax")
    return Decoding(anchors.astype("float32"), tuple(getattr(layer, "box_weights", UNIT)), classes)


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, DenseDetections)]


def _layer(model: keras.Model) -> keras.layers.Layer:
    layers = _layers(model)
    if len(layers) != 1:
        raise UnsupportedModel(f"{model.name} is not a detector in one stage: leave head='raw_boxes' out.")
    return layers[0]
