"""Faults of what travels beside the network: TFLite metadata, labels, and the archive they are packed in."""

import zipfile
from collections.abc import Callable, Iterator

from keras_cnns.saving.card import read_card
from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.errors import UnreadableFile, UserError, first_line
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.file.metadata_reader import NAME, ModelMetadata, read_metadata
from keras_cnns.tflite.targets.target import Finding

WRITE = "export with names= and normalization=, or use MediaPipe's metadata writers"
MOST_LABEL_BYTES = 4_000_000


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
            elif classes > 1 and len(lines) != classes and len(file.outputs) == 1:
                message = f"{len(lines)} labels in {name!r} for {classes} classes"
                yield Finding("label-count", "error", message, WRITE)


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
