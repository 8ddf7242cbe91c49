"""Mends what can be mended exactly in a `.tflite` file: operator codes, versions, damaged metadata. Answers stay."""

import io
import zipfile
from pathlib import Path

import numpy as np

from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import MIB
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.file import flatbuffer, versions
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.file.metadata_reader import NAME
from keras_cnns.tflite.file.reader import DAMAGE, read_contents
from keras_cnns.tflite.targets import runner

CHANGES = {
    "operator-code": "set deprecated_builtin_code of every operator",
    "operator-version": "raised the versions of operators to those that know their types",
    "runtime-version": "corrected the oldest runtime that the file names",
    "damaged-metadata": "removed the damaged metadata",
}
MOST_PACKED = 1024 * MIB  # bytes of one file packed behind the network
PICTURES = 4  # that the mended file has to answer as before


def fix(file: TFLiteFile, out: Path) -> list[str]:
    """Writes the mended file to `out`; returns what was changed, one line each, nothing if there was nothing to mend.

    Raises:
      UserError: the mended file does not answer exactly as before (it is not written), or LiteRT cannot run them.
    """
    fixable = {finding.code for finding in faults(file) if finding.fixable}
    if not fixable:
        return []
    data, changes = mended(file, fixable)
    with written_aside(out) as temporary:
        temporary.write_bytes(data)
        after = read_contents(temporary)
        left = {finding.code for finding in faults(after) if finding.fixable}
        if left:
            raise UnreadableFile(f"{file.path.name} could not be mended: {', '.join(sorted(left))} remained.")
        same_answers(file, after)
    return changes


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
        raise UnreadableFile(f"{file.path.name} cannot be mended: {reason}.") from error


def _mended(file: TFLiteFile, codes: set[str]) -> tuple[bytes, list[str]]:
    data = file.path.read_bytes()
    changes = [CHANGES[code] for code in CHANGES if code in codes]
    if "damaged-metadata" in codes:
        model = flatbuffer.read(data)
        model.metadata = [entry for entry in model.metadata if entry.name != NAME.encode()]
        data = flatbuffer.write(model)
    return _packed_again(versions.declared(data), file.path), changes


def _packed_again(data: bytes, source: Path) -> bytes:
    """The flatbuffer with the files that were packed behind the old one, as they were."""
    try:
        archive = open_zip(source)
    except zipfile.BadZipFile:
        return data
    packed = io.BytesIO(data)
    with archive, zipfile.ZipFile(packed, "a") as target:
        for entry in archive.infolist():
            target.writestr(entry, read_member(archive, entry, MOST_PACKED))
    return packed.getvalue()


def same_answers(before: TFLiteFile, after: TFLiteFile) -> None:
    """Runs both files on noise over the whole range of the inputs.

    Raises:
      UserError: an answer differs in any bit, or LiteRT cannot run one of them.
    """
    rng = np.random.default_rng(0)
    inputs = {}
    for name, tensor in before.inputs.items():
        low, high = (0.0, 255.0)
        if tensor.quantized:
            low, high = ((limit - tensor.zero_points[0]) * tensor.scales[0] for limit in _limits(tensor.type))
        inputs[name] = rng.uniform(low, high, (PICTURES, *tensor.shape[1:])).astype(np.float32)
    answers = [runner.ask("predict", inputs, file=str(file.path.resolve()))[1] for file in (before, after)]
    for name, values in answers[0].items():
        if not np.array_equal(values, answers[1][name], equal_nan=True):
            raise UnreadableFile(
                f"output {name} of {before.path.name} changed when it was mended; nothing was written."
            )


def _limits(kind: str) -> tuple[int, int]:
    limits = np.iinfo(kind.lower())
    return int(limits.min), int(limits.max)
