"""The metadata in the file, for MediaPipe, ML Kit and this package.

TFLite metadata is a second flatbuffer, stored in a buffer of the first (schema `metadata_schema.fbs` of tflite-support,
identifier M001). The files that it names are packed behind the model as an uncompressed zip archive. The numbers below
are the schema's field numbers.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.saving.card import ENTRY, Card
from keras_cnns.tflite.file import detector_metadata, flatbuffer
from keras_cnns.tflite.file.detector_metadata import Decoding

NAME, IDENTIFIER = b"TFLITE_METADATA", b"M001"
LABELS = "labels.txt"
_NORMALIZATION_OPTIONS, _IMAGE_PROPERTIES, _TENSOR_AXIS_LABELS = 1, 2, 2  # members of the schema's unions and enums
_BOUNDING_BOX, _BOUNDARIES = 3, 1
_RGB, _GRAYSCALE = 1, 2


@dataclass(frozen=True)
class Normalization:
    """How a pixel from 0 to 255 becomes an input of the float model: (pixel - mean) / std, per channel or for all.

    >>> export(model, "net.tflite", normalization=Normalization(mean=(127.5,), std=(127.5,)))
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


def normalization(low: float, high: float) -> Normalization:
    """The `Normalization` of a model that takes black as `low` and white as `high`."""
    std = 255 / (high - low)
    return Normalization((0.0 - low * std,), (std,))


def attach(
    data: bytes | schema.ModelT,
    card: Card,
    *,
    normalization: Normalization | None = None,
    decoding: Decoding | None = None,
) -> bytes:
    """A flatbuffer with TFLite metadata, and with `card` and the class names packed behind it.

    Args:
      data: the flatbuffer, or what was read from it, which is changed.
      decoding: of a detector whose boxes are decoded outside of the file, which then says how.
    """
    model = data if isinstance(data, schema.ModelT) else flatbuffer.read(data)
    graph = model.subgraphs[0]
    names = _signature_names(model)
    images = [_image(names.get(i), graph.tensors[i], normalization) for i in graph.inputs]
    scores = [_scores(names.get(i), graph.tensors[i], card.labels) for i in graph.outputs]
    if decoding is not None:
        _boxes(scores[[names.get(i) for i in graph.outputs].index(detector_metadata.LOCATION)])
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME, len(model.buffers)
    kept = schema.BufferT()
    kept.data = _metadata(card, images, scores, decoding)
    model.buffers.append(kept)
    model.metadata = [*(model.metadata or []), entry]
    return flatbuffer.write(model, behind=lambda size: _archive(size, card))


def _archive(start: int, card: Card) -> bytes:
    """The card and its labels as a zip archive that begins at `start` of a file."""
    archive = _Behind(start)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(_entry(ENTRY), json.dumps(asdict(card), indent=1))
        if card.labels:
            lines = (" ".join(str(label).splitlines()) for label in card.labels)  # one line each, whatever it holds
            text = "\n".join(lines)  # a label from the name of a folder may hold what UTF-8 cannot
            packed.writestr(_entry(LABELS), text.encode("utf-8", "replace"))
    return archive.getvalue()


class _Behind(io.BytesIO):
    """What follows `start` bytes of a file, without those: positions are those of the file."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start

    def tell(self) -> int:
        return self.start + super().tell()

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        return self.start + super().seek(position - (self.start if whence == io.SEEK_SET else 0), whence)


def _entry(name: str) -> zipfile.ZipInfo:
    """A file in the archive that is the same on any day and any system: exports are reproducible."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr, entry.create_system = 0o600 << 16, 3
    return entry


# --- the little of the schema that is needed --------------------------------------------------------------------------


class _Table(dict):
    """Field number -> value: a text, a table, a list of tables or of floats, or an enumeration as ("byte", n)."""


def _signature_names(model: schema.ModelT) -> dict[int, str]:
    """Tensor number -> its name in the signature."""
    entries = [entry for signature in model.signatureDefs or [] for entry in (*signature.inputs, *signature.outputs)]
    return {entry.tensorIndex: _text(entry.name) for entry in entries}


def _image(name: str | None, tensor: schema.TensorT, normalization: Normalization | None) -> _Table:
    shape = tensor.shape
    fields = _Table({0: name or _text(tensor.name), 1: "Pixels, row by row."})
    if len(shape) == 4 and shape[3] in (1, 3):
        size = _Table({0: ("uint", int(shape[2])), 1: ("uint", int(shape[1]))})
        colours = _Table({0: ("byte", _RGB if shape[3] == 3 else _GRAYSCALE), 1: size})
        fields[3] = _Table({0: ("ubyte", _IMAGE_PROPERTIES), 1: colours})
    if normalization is not None:
        options = _Table({0: _floats(normalization.mean), 1: _floats(normalization.std)})
        fields[4] = [_Table({0: ("ubyte", _NORMALIZATION_OPTIONS), 1: options})]
        low, high = ((pixel - options[0]) / options[1] for pixel in (0, 255))
        fields[5] = _Table({0: high, 1: low})
    return fields


def _scores(name: str | None, tensor: schema.TensorT, labels: Sequence[object]) -> _Table:
    fields = _Table(
        {0: name or _text(tensor.name), 1: "One score for each class." if labels else "The network's answer."}
    )
    if labels and tensor.shape is not None and len(labels) == tensor.shape[-1]:
        fields[6] = [_Table({0: LABELS, 1: "A line for each class.", 2: ("byte", _TENSOR_AXIS_LABELS)})]
    return fields


def _boxes(location: _Table) -> None:
    """Describes an output as boxes in fractions of the picture."""
    properties = _Table({1: ("byte", _BOUNDARIES)})
    location.pop(6, None)
    location |= {
        1: "The boxes of all positions, to be decoded.",
        3: _Table({0: ("ubyte", _BOUNDING_BOX), 1: properties}),
    }


def _metadata(card: Card, images: list[_Table], scores: list[_Table], decoding: Decoding | None) -> np.ndarray:
    graph = _Table({2: images, 3: scores})
    if decoding is not None:
        graph[9] = [_Table({0: detector_metadata.NAME, 1: detector_metadata.options(decoding)})]
    fields = _Table({0: card.name, 1: f"{card.name}, made by keras_cnns.", 3: [graph], 7: "1.0.0"})
    for number, key in ((2, "version"), (4, "author"), (5, "license")):
        if card.source.get(key):
            fields[number] = str(card.source[key])
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write(builder, fields), file_identifier=IDENTIFIER)
    return np.frombuffer(bytes(builder.Output()), np.uint8)


def _write(builder: flatbuffers.Builder, value: Any) -> int:
    """Writes what must stand before the table that refers to it; returns its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, bytes):
        return _aligned(builder, value)
    if isinstance(value, list):
        offsets = [_write(builder, entry) for entry in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    ready = {number: field if isinstance(field, tuple) else _write(builder, field) for number, field in value.items()}
    builder.StartObject(max(ready) + 1)
    scalars = {"byte": builder.PrependInt8Slot, "ubyte": builder.PrependUint8Slot, "uint": builder.PrependUint32Slot}
    for number, field in ready.items():
        if isinstance(field, tuple):
            scalars[field[0]](number, field[1], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, field, 0)
    return builder.EndObject()


def _aligned(builder: flatbuffers.Builder, value: bytes) -> int:
    """A vector of bytes that begins at a multiple of 16, as a flatbuffer inside of another one must."""
    builder.StartVector(1, len(value), 16)
    for byte in reversed(value):
        builder.PrependByte(byte)
    return int(builder.EndVector())


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _floats(values: Sequence[float]) -> np.ndarray:
    return np.atleast_1d(np.asarray(values, np.float32))
