#!/usr/bin/env bash
# MediaPipe's category mask of a segmenter with one output channel is 0 on the object and 255 on the background.
#
# A good guess: for a network with one channel (the probability of the object) the category mask is 1 or 255 on the object
# and 0 elsewhere, as a category mask holds the number of the class, and as the confidence mask beside it is high there.
# What happens (mediapipe 1.2.3): it is 0 where the confidence is above one half and 255 where it is below. The comment at
# `ProcessForCategoryMaskCpu` in segmentation_postprocessor_gl.cc and tensors_to_segmentation_calculator.cc says so; the
# task's documentation does not. An app that draws `mask > 0` paints the background. With two channels the mask holds the
# number of the channel with the higher confidence.
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
from mediapipe.tasks.python.vision import ImageSegmenter, ImageSegmenterOptions

SIDE = 8


def metadata():
    """A flatbuffer of TFLite's metadata: the input is an RGB picture, of which 0 to 255 become 0 to 1."""
    builder = flatbuffers.Builder(256)

    def table(fields):
        offsets = {number: write(value) for number, value in fields.items()}
        builder.StartObject(max(fields) + 1)
        for number, offset in offsets.items():
            if isinstance(offset, tuple):
                getattr(builder, f"Prepend{offset[0]}Slot")(number, offset[1], 0)
            else:
                builder.PrependUOffsetTRelativeSlot(number, offset, 0)
        return builder.EndObject()

    def write(value):
        if isinstance(value, tuple):
            return value
        if isinstance(value, dict):
            return table(value)
        if isinstance(value, np.ndarray):
            return builder.CreateNumpyVector(value)
        offsets = [write(entry) for entry in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    picture = {0: ("Uint8", 2), 1: {0: ("Int8", 1)}}  # content properties: an image, in RGB
    normalization = {0: ("Uint8", 1), 1: {0: np.float32([0]), 1: np.float32([255])}}  # mean, standard deviation
    graph = {2: [{3: picture, 4: [normalization]}], 3: [{0: ("Int8", 0)}]}
    builder.Finish(write({3: [graph]}), file_identifier=b"M001")
    return np.frombuffer(bytes(builder.Output()), np.uint8)


def segmenter(channels):
    """Confidences are the first channels of the picture: x (1, 8, 8, 3) -> STRIDED_SLICE -> (1, 8, 8, channels)."""
    kinds = schema.TensorType
    graph, operator, code, file = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.ModelT()
    constants = [[0, 0, 0, 0], [1, SIDE, SIDE, channels], [1, 1, 1, 1]]
    graph.tensors = []
    for shape, kind, buffer in (
        ((1, SIDE, SIDE, 3), kinds.FLOAT32, 0),
        *(((4,), kinds.INT32, number) for number in (1, 2, 3)),
        ((1, SIDE, SIDE, channels), kinds.FLOAT32, 0),
    ):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = b"%d" % len(graph.tensors), list(shape), kind, buffer
        graph.tensors.append(tensor)
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2, 3], [4]
    operator.builtinOptions = schema.StridedSliceOptionsT()
    operator.builtinOptionsType = schema.BuiltinOptions.StridedSliceOptions
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [4]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.STRIDED_SLICE
    code.version, file.version, file.subgraphs, file.operatorCodes = 1, 3, [graph], [code]
    file.buffers = [schema.BufferT() for _ in range(5)]
    for number, values in enumerate(constants, start=1):
        file.buffers[number].data = np.frombuffer(np.int32(values).tobytes(), np.uint8)
    file.buffers[4].data = metadata()
    file.metadata = [schema.MetadataT()]
    file.metadata[0].name, file.metadata[0].buffer = b"TFLITE_METADATA", 4
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


picture = np.zeros((SIDE, SIDE, 3), np.uint8)
picture[..., 0], picture[2:6, 2:6, 0] = 51, 204  # confidence .2, and .8 on the object
picture[..., 1] = 127
print("mediapipe", mediapipe.__version__)
seen = {}
for channels in (1, 2):
    base = BaseOptions(model_asset_buffer=segmenter(channels))
    options = ImageSegmenterOptions(base, output_confidence_masks=True, output_category_mask=True)
    with ImageSegmenter.create_from_options(options) as task:
        result = task.segment(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
        confidences = [float(np.squeeze(mask.numpy_view())[3, 3]) for mask in result.confidence_masks]
        categories = np.squeeze(result.category_mask.numpy_view())
    seen[channels] = int(categories[3, 3]), int(categories[0, 0])
    print(f"{channels} channel(s): confidences on the object {np.round(confidences, 2)},", end=" ")
    print("category mask", seen[channels][0], "on the object and", seen[channels][1], "beside it")
assert seen == {1: (0, 255), 2: (0, 1)}, "the category mask has other values now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
