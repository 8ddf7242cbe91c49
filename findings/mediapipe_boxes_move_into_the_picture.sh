#!/usr/bin/env bash
# MediaPipe's ObjectDetector moves a box that begins outside of the picture into it, instead of cutting it off.
#
# A good guess: a box from x = -20 to 20 is returned as it is, or cut off at the border: 0 to 20.
# What happens (mediapipe 1.2.3): its corner becomes 0 and its width stays 40, so it is returned as 0 to 40, half of it
# beside the object. The same happens above the picture. A box that ends outside is returned as it is, 80 to 120. Corners
# and sides are rounded down, each for itself, so that a box from 30.6 to 50.4 becomes 30 to 49. A detector that is measured
# by the overlap of boxes loses objects at two of the four borders. The boxes here are the anchors of a network whose deltas
# are 0; the task decodes them as the file's metadata says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mediapipe==1.2.3 ai-edge-litert==2.3.0 flatbuffers==25.12.19 "numpy<3" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import flatbuffers
import mediapipe
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ObjectDetector, ObjectDetectorOptions

SIDE = 100  # of the picture
BOXES = {  # x1, y1, x2, y2 in pixels
    "inside": (30.6, 30.6, 50.4, 50.4),
    "left of the picture": (-20, 60, 20, 70),
    "above the picture": (60, -20, 70, 20),
    "right of the picture": (80, 60, 120, 70),
}
COUNT = len(BOXES)


def flatbuffer(value, identifier):
    """Tables are dicts (field number -> value), scalars are (kind, number)."""
    builder = flatbuffers.Builder(256)

    def write(value):
        if isinstance(value, str):
            return builder.CreateString(value)
        if isinstance(value, bytes):
            builder.StartVector(1, len(value), 16)
            for byte in reversed(value):
                builder.PrependByte(byte)
            return builder.EndVector()
        if isinstance(value, np.ndarray):
            return builder.CreateNumpyVector(value)
        if isinstance(value, list):
            offsets = [write(entry) for entry in value]
            builder.StartVector(4, len(offsets), 4)
            for offset in reversed(offsets):
                builder.PrependUOffsetTRelative(offset)
            return builder.EndVector()
        ready = {number: entry if isinstance(entry, tuple) else write(entry) for number, entry in value.items()}
        builder.StartObject(max(ready) + 1)
        for number, entry in ready.items():
            if isinstance(entry, tuple):
                getattr(builder, f"Prepend{entry[0]}Slot")(number, entry[1], 0)
            else:
                builder.PrependUOffsetTRelativeSlot(number, entry, 0)
        return builder.EndObject()

    builder.Finish(write(value), file_identifier=identifier)
    return bytes(builder.Output())


def metadata():
    """The input is an RGB picture; the anchors are the boxes above, and deltas are divided by 1."""
    x1, y1, x2, y2 = np.float32(list(BOXES.values())).T / SIDE
    rows = np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], -1)
    anchors = [{field: ("Float32", float(number)) for field, number in enumerate(row)} for row in rows]
    counts = {field: ("Int32", number) for field, number in enumerate((1, COUNT, 4, 0, 0, 2))}
    decoding = counts | {field: ("Float32", 1.0) for field in (6, 7, 8, 9)} | {10: ("Bool", True)}
    options = flatbuffer({1: {0: {0: anchors}}, 2: decoding}, b"V001")
    picture = {0: ("Uint8", 2), 1: {0: ("Int8", 1)}}
    scaling = {0: ("Uint8", 1), 1: {0: np.float32([0]), 1: np.float32([255])}}
    outputs = [{0: "location", 3: {0: ("Uint8", 3), 1: {1: ("Int8", 1)}}}, {0: "score"}]
    graph = {2: [{3: picture, 4: [scaling]}], 3: outputs, 9: [{0: "DETECTOR_METADATA", 1: options}]}
    return flatbuffer({3: [graph]}, b"M001")


def detector():
    """x (1, 1, COUNT, 3) -> STRIDED_SLICE -> score (1, COUNT, 1), and MUL by zeros -> location (1, COUNT, 4)."""
    floats, integers = schema.TensorType.FLOAT32, schema.TensorType.INT32
    file, graph = schema.ModelT(), schema.SubGraphT()
    file.version, file.subgraphs, file.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [0], [6, 5]

    def add(name, shape, kind=floats, data=None):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, 0
        if data is not None:
            tensor.buffer = len(file.buffers)
            file.buffers.append(schema.BufferT())
            file.buffers[-1].data = np.frombuffer(data, np.uint8)
        graph.tensors.append(tensor)

    add(b"image", (1, 1, COUNT, 3))
    for name, row in ((b"begin", [0, 0, 0, 0]), (b"end", [1, 1, COUNT, 1]), (b"step", [1, 1, 1, 1])):
        add(name, (4,), integers, np.int32(row).tobytes())
    add(b"zeros", (1, COUNT, 4), floats, np.zeros((1, COUNT, 4), np.float32).tobytes())
    add(b"score", (1, COUNT, 1))
    add(b"location", (1, COUNT, 4))
    kinds, codes = schema.BuiltinOptions, schema.BuiltinOperator
    slices, product = schema.StridedSliceOptionsT(), schema.MulOptionsT()
    slices.shrinkAxisMask = 1  # drops the first axis of (1, 1, COUNT, 1)
    for number, (inputs, output, options, kind) in enumerate(
        (([0, 1, 2, 3], 5, slices, kinds.StridedSliceOptions), ([4, 5], 6, product, kinds.MulOptions))
    ):
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = number, inputs, [output]
        operator.builtinOptions, operator.builtinOptionsType = options, kind
        graph.operators.append(operator)
    file.operatorCodes = [schema.OperatorCodeT(), schema.OperatorCodeT()]
    for code, kind in zip(file.operatorCodes, (codes.STRIDED_SLICE, codes.MUL), strict=True):
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
    file.metadata = [schema.MetadataT()]
    file.metadata[0].name, file.metadata[0].buffer = b"TFLITE_METADATA", len(file.buffers)
    file.buffers.append(schema.BufferT())
    file.buffers[-1].data = np.frombuffer(metadata(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


white = np.full((SIDE, SIDE, 3), 255, np.uint8)  # all scores are 1
options = ObjectDetectorOptions(BaseOptions(model_asset_buffer=detector()), score_threshold=0.5)
with ObjectDetector.create_from_options(options) as task:
    detections = task.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=white)).detections
returned = []
for detection in detections:
    box = detection.bounding_box
    returned.append((box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height))
print("mediapipe", mediapipe.__version__, "| a picture of", SIDE, "x", SIDE)
seen = {}
for name, box in BOXES.items():
    seen[name] = min(returned, key=lambda other: np.abs(np.subtract(other, box)).sum())
    print(f"{name:20} {box} is returned as {seen[name]}")
expected = [(30, 30, 49, 49), (0, 60, 40, 70), (60, 0, 70, 40), (80, 60, 120, 70)]
assert all(np.abs(np.subtract(box, seen[name])).max() <= 1 for box, name in zip(expected, BOXES, strict=True))
assert seen["inside"] == expected[0], "fractions are treated otherwise now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
