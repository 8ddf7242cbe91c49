"""What MediaPipe's ObjectDetector must know to decode boxes itself: the metadata "DETECTOR_METADATA".

It is a flatbuffer of its own (schema `object_detector_metadata_schema.fbs` of MediaPipe, identifier V001) in the custom
metadata of the TFLite metadata. The numbers below are the schema's field numbers.
"""

from dataclasses import dataclass

import flatbuffers
import numpy as np

NAME, IDENTIFIER = "DETECTOR_METADATA", b"V001"
LOCATION, SCORE = "location", "score"  # names of the two outputs
COORDINATES = 4
_KEYPOINT_VALUES = 2  # MediaPipe ends with an error for any other number, although there are no keypoints


@dataclass(frozen=True)
class Decoding:
    """How boxes follow from a detector's raw outputs.

    Attributes:
      anchors: float32 [N, 4], the boxes that deltas refer to: x and y of the centre, width and height, as fractions of
        the picture.
      scales: the deltas of x, y, width and height are divided by these.
      classes: the number of classes, without the background.
    """

    anchors: np.ndarray
    scales: tuple[float, float, float, float]
    classes: int


def options(decoding: Decoding) -> bytes:
    """The flatbuffer `ObjectDetectorOptions`: fixed anchors, exponential sides, scores that are probabilities."""
    builder = flatbuffers.Builder(1024)
    anchors = [_anchor(builder, row) for row in decoding.anchors.tolist()]
    builder.StartVector(4, len(anchors), 4)
    for offset in reversed(anchors):
        builder.PrependUOffsetTRelative(offset)
    schema = _holding(builder, 0, builder.EndVector())
    ssd = _holding(builder, 0, schema)
    builder.StartObject(12)
    counts = (decoding.classes, len(decoding.anchors), COORDINATES, 0, 0, _KEYPOINT_VALUES)
    for field, count in enumerate(counts):
        builder.PrependInt32Slot(field, count, 0)
    for field, scale in enumerate(decoding.scales, start=6):
        builder.PrependFloat32Slot(field, scale, 0.0)
    builder.PrependBoolSlot(10, True, False)  # exponential of width and height
    decoded = builder.EndObject()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(1, ssd, 0)
    builder.PrependUOffsetTRelativeSlot(2, decoded, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _anchor(builder: flatbuffers.Builder, row: list[float]) -> int:
    builder.StartObject(4)
    for field, value in enumerate(row):
        builder.PrependFloat32Slot(field, value, 0.0)
    return int(builder.EndObject())


def _holding(builder: flatbuffers.Builder, field: int, offset: int) -> int:
    """A table with one field, which refers to `offset`."""
    builder.StartObject(field + 1)
    builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return int(builder.EndObject())
