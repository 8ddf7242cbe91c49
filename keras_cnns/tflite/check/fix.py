"""Corrects the faults of a `.tflite` file that can be corrected without changing an output, for its targets."""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import MIB
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.check.metadata_faults import stored_input
from keras_cnns.tflite.file import flatbuffer, versions
from keras_cnns.tflite.file.contents import NUMPY_TYPES, TFLiteFile
from keras_cnns.tflite.file.integer_ends import without_conversions
from keras_cnns.tflite.file.metadata_reader import NAME, read_metadata
from keras_cnns.tflite.file.reader import DAMAGE, read_contents
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.table import select

UINT8_ENDS, INTEGER_ENDS = "end-type uint8", "end-type int8"
CHANGES = {
    "operator-code": "set deprecated_builtin_code of every operator",
    "operator-version": "raised the versions of operators to those that know their types",
    "runtime-version": "corrected the oldest runtime that the file names",
    "damaged-metadata": "removed the damaged metadata",
    "label-lines": "ended the lines of labels with LF instead of CR LF",
    UINT8_ENDS: "made int8 inputs and outputs uint8",
    INTEGER_ENDS: "left out the conversions between floats and integers at the inputs and outputs",
}
MOST_PACKED = 1024 * MIB  # bytes of one file packed behind the network
PICTURES = 4  # pictures for which the outputs of the corrected file are compared


def fix(file: TFLiteFile, out: Path, targets: str | Iterable[str] = "litert") -> list[str]:
    """Writes the corrected file to `out`. Returns a line for each change; if there is none, nothing is written.

    targets: what the file is meant for, as in `check`; inputs and outputs are changed only for a target.

    Raises:
      UserError: the mended file does not answer exactly as before (it is not written), LiteRT cannot run them, or two
        targets want different inputs and outputs.
    """
    fixable = _fixable(file, targets)
    if {UINT8_ENDS, INTEGER_ENDS} <= fixable:
        raise UnreadableFile(
            f"no inputs and outputs of {file.path.name} suit all of these targets: correct it for one of them."
        )
    if not fixable:
        return []
    data, changes = mended(file, fixable)
    with written_aside(out) as temporary:
        temporary.write_bytes(data)
        after = read_contents(temporary)
        left = _fixable(after, targets)
        if left:
            raise UnreadableFile(f"{file.path.name} could not be corrected: {', '.join(sorted(left))} remained.")
        same_answers(file, after)
    return changes


def _fixable(file: TFLiteFile, targets: str | Iterable[str]) -> set[str]:
    codes = {finding.code for finding in faults(file) if finding.fixable}
    for target in select(targets):
        for finding in target.findings(file):
            if finding.fixable:
                ends = f" {target.rewrites().input_type}" if finding.code == "end-type" else ""
                codes.add(finding.code + ends)
    return codes


def mended(file: TFLiteFile, codes: set[str]) -> tuple[bytes, list[str]]:
    """The bytes of the file with the faults of these codes mended, and what was changed.

    Raises:
      UnreadableFile: it is too damaged to be written again.
    """
    try:
        return _mended(file, codes)
    except UnreadableFile:
        raise
    except DAMAGE as error:
        reason = f"parts of it cannot be read ({type(error).__name__})"
        raise UnreadableFile(f"{file.path.name} cannot be corrected: {reason}.") from error


def _mended(file: TFLiteFile, codes: set[str]) -> tuple[bytes, list[str]]:
    data = file.path.read_bytes()
    changes = [CHANGES[code] for code in CHANGES if code in codes]
    if "damaged-metadata" in codes:
        model = flatbuffer.read(data)
        model.metadata = [entry for entry in model.metadata if entry.name != NAME.encode()]
        data = flatbuffer.write(model)
    if UINT8_ENDS in codes:
        data = flatbuffer.as_uint8(data, inputs=True, outputs=True)
    if INTEGER_ENDS in codes:
        data = without_conversions(data)
    return _packed_again(versions.declared(data), file, "label-lines" in codes), changes


def _packed_again(data: bytes, source: TFLiteFile, rewrite_labels: bool) -> bytes:
    """The flatbuffer with the files that were packed behind the old one, as they were but for the ends of lines."""
    try:
        archive = open_zip(source.path)
    except zipfile.BadZipFile:
        return data
    labels = _label_files(source) if rewrite_labels else set()
    packed = io.BytesIO(data)
    with archive, zipfile.ZipFile(packed, "a") as target:
        for entry in archive.infolist():
            content = read_member(archive, entry, MOST_PACKED)
            target.writestr(entry, content.replace(b"\r\n", b"\n") if entry.filename in labels else content)
    return packed.getvalue()


def _label_files(file: TFLiteFile) -> set[str]:
    return {name for output in read_metadata(file.metadata[NAME]).outputs for name in output.label_files}


def same_answers(before: TFLiteFile, after: TFLiteFile) -> None:
    """Runs both files on noise over the whole range of the inputs.

    Raises:
      UserError: an answer differs in any bit, or LiteRT cannot run one of them.
    """
    inputs = _noise(before)
    renamed = dict(zip(after.inputs, inputs.values(), strict=True))
    _, first = runner.ask("predict", inputs, file=str(before.path.resolve()))
    _, second = runner.ask("predict", renamed, file=str(after.path.resolve()))
    for (name, values), others in zip(first.items(), second.values(), strict=True):
        if not np.array_equal(values, others, equal_nan=True):
            raise UnreadableFile(
                f"output {name} of {before.path.name} changed when the file was corrected: nothing was written."
            )


def _noise(file: TFLiteFile) -> dict[str, np.ndarray]:
    """Floats over the whole range of each input: exactly those that its integers stand for, where it has some."""
    rng = np.random.default_rng(0)
    inputs = {}
    for name, tensor in file.inputs.items():
        shape = (PICTURES, *(max(size, 1) for size in tensor.shape[1:]))
        stored = stored_input(file, tensor)
        if stored is None:
            inputs[name] = rng.uniform(0.0, 255.0, shape).astype(np.float32)
        else:
            limits = np.iinfo(NUMPY_TYPES[stored.type])
            integers = rng.integers(limits.min, limits.max + 1, shape)
            inputs[name] = (np.float32(stored.scales[0]) * (integers - stored.zero_points[0])).astype(np.float32)
    return inputs
