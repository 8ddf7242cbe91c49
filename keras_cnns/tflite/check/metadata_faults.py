"""Faults of what travels beside the network: TFLite metadata, labels, and the archive they are packed in."""

import zipfile
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from keras_cnns.saving.card import read_card
from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.errors import UnreadableFile, UserError, first_line
from keras_cnns.tflite.file.contents import NUMPY_TYPES, Tensor, TFLiteFile
from keras_cnns.tflite.file.metadata_reader import NAME, ModelMetadata, read_metadata
from keras_cnns.tflite.targets.target import Finding

WRITE = "export with names= and normalization=, or use MediaPipe's metadata writers"
MOST_LABEL_BYTES = 4_000_000
MOST_OUTSIDE, LEAST_FILLED = 0.1, 0.25  # shares of the range of pixels, and of the input's range


def _metadata(file: TFLiteFile) -> Iterator[Finding]:
    if NAME not in file.metadata:
        message = "it has no TFLite metadata: apps must know by themselves how to prepare pixels"
        yield Finding("no-metadata", "note", message, WRITE)
        return
    try:
        metadata = read_metadata(file.metadata[NAME])
    except UnreadableFile as error:
        yield Finding("damaged-metadata", "error", str(error), "keras-cnns check --fix removes it", fixable=True)
        return
    for side, known, tensors in (("inputs", metadata.inputs, file.inputs), ("outputs", metadata.outputs, file.outputs)):
        if known and len(known) != len(tensors):
            message = f"the metadata describes {len(known)} {side}; the network has {len(tensors)}"
            yield Finding("metadata-count", "error", message, WRITE)
    for tensor in metadata.inputs:
        if any(std == 0 for std in tensor.std) or len(tensor.mean) != len(tensor.std):
            message = f"the normalization of input {tensor.name!r} has mean {tensor.mean} and std {tensor.std}"
            yield Finding("normalization", "error", message, WRITE)
    yield from _input_ranges(file, metadata)
    yield from _labels(file, metadata)


def _labels(file: TFLiteFile, metadata: ModelMetadata) -> Iterator[Finding]:
    outputs = list(file.outputs.values())
    for position, described in enumerate(metadata.outputs):
        for name in described.label_files:
            if name not in file.packed:
                message = f"the metadata names the label file {name!r}, which is not packed in the file"
                yield Finding("missing-labels", "error", message, WRITE)
                continue
            lines = _lines(file, name)
            classes = outputs[position].shape[-1] if position < len(outputs) and outputs[position].shape else 0
            if lines is None:
                yield Finding("damaged-labels", "error", f"the label file {name!r} cannot be read", WRITE)
                continue
            yield from _label_lines(name, lines)
            if classes > 1 and len(lines) != classes and len(file.outputs) == 1:
                message = f"{len(lines)} labels in {name!r} for {classes} classes"
                yield Finding("label-count", "error", message, WRITE)


def _label_lines(name: str, lines: list[str]) -> Iterator[Finding]:
    """Line ends that become part of the names, empty names, and names that several classes have."""
    if any(line.endswith("\r") for line in lines):
        message = f"the lines of {name!r} end with CR LF: some apps keep the CR as a part of the name"
        yield Finding("label-lines", "warning", message, "keras-cnns check --fix rewrites them", fixable=True)
    names = [line.removesuffix("\r") for line in lines]
    empty = [number for number, label in enumerate(names) if not label.strip()]
    if empty:
        message = f"line {empty[0] + 1} of {name!r} is empty: class {empty[0]} has no name"
        yield Finding("empty-label", "warning", message, WRITE)
    counts = Counter(label for label in names if label.strip())
    repeated = [label for label, count in counts.items() if count > 1]
    if repeated:
        message = f"several classes have the same name in {name!r}: {', '.join(map(repr, repeated[:3]))}"
        yield Finding("duplicate-labels", "note", message, "tell apps to show the number of the class too")


def _input_ranges(file: TFLiteFile, metadata: ModelMetadata) -> Iterator[Finding]:
    """Pixels prepared by the metadata fill the range that the quantized input holds."""
    for described, (name, tensor) in zip(metadata.inputs, file.inputs.items(), strict=False):
        stored = stored_input(file, tensor)
        if stored is None or not described.mean or len(described.mean) != len(described.std) or not all(described.std):
            continue
        mean, std = np.asarray(described.mean), np.asarray(described.std)
        if stored.type == "UINT8" and not mean.any() and (std == 1).all():
            continue  # the bytes are the input
        limits = np.iinfo(NUMPY_TYPES[stored.type])
        low, high = ((int(limit) - stored.zero_points[0]) * stored.scales[0] for limit in (limits.min, limits.max))
        black, white = float(((0 - mean) / std).min()), float(((255 - mean) / std).max())
        outside = max(low - black, white - high, 0) / (white - black)
        if outside > MOST_OUTSIDE or (white - black) < LEAST_FILLED * (high - low):
            message = (
                f"the metadata makes pixels {black:.4g} to {white:.4g}; input {name} holds {low:.4g} to {high:.4g}"
            )
            fix = "state the normalization with which the model was calibrated"
            yield Finding("normalization-range", "warning", message, fix)


def stored_input(file: TFLiteFile, tensor: Tensor) -> Tensor | None:
    """The 8-bit integers of an input: itself, or those that a QUANTIZE makes of it; None if there are none."""
    if tensor.type == "FLOAT32":
        converted = [o for o in file.main.readers.get(tensor.index, []) if o.name == "QUANTIZE"]
        tensor = file.main.tensors[converted[0].outputs[0]] if converted else tensor
    return tensor if tensor.type in ("INT8", "UINT8") and len(tensor.scales) == 1 and tensor.zero_points else None


def _lines(file: TFLiteFile, name: str) -> list[str] | None:
    try:
        with open_zip(file.path) as archive:
            text = read_member(archive, name, MOST_LABEL_BYTES).decode()
    except Exception:  # whatever zipfile raises of a damaged archive, or text that is not UTF-8
        return None
    return text.removesuffix("\n").split("\n")


def _archive(file: TFLiteFile) -> Iterator[Finding]:
    """Files that are packed behind the network can be read."""
    try:
        with open_zip(file.path) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        return
    except Exception as error:  # encrypted, packed in an unknown way, or of sizes that cannot be true
        damaged = first_line(error)
    if damaged:
        message = f"a file packed behind the network is damaged: {damaged}"
        yield Finding("damaged-archive", "error", message, "pack it again")
        return
    try:
        read_card(file.path)
    except UserError as error:
        yield Finding("damaged-card", "error", str(error), "export it again")


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (_metadata, _archive)
