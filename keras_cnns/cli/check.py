"""The command `keras-cnns check`: finds faults in the `.tflite` files of any tool. It loads no TensorFlow."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.console import Json, print_json, show, table_of
from keras_cnns.support.errors import BadArgument, printable

MOST_PICTURES = 32


def check(
    file: str,
    /,
    *,
    target: str = "litert",
    pictures: str | None = None,
    fix: bool = False,
    out: str | None = None,
    as_json: Json = False,
) -> None:
    """Describes a .tflite file, lists its faults, and tries it on runtimes and chips.

    Args:
        file: a .tflite file of any tool
        target: runtimes and chips to try it on, with commas: litert, litert-reference, openvino, mediapipe,
            browser, tflite-micro, ethos-u55-128, ethos-u55-256, ethos-u65-256,
            ethos-u85-512, tosa; or all
        pictures: folder of pictures for which the outputs of every runtime are compared with LiteRT's; by default
            synthetic pictures
        fix: correct the faults that can be corrected without changing an output, and check the corrected file
        out: the corrected file; by default NAME.fixed.tflite beside the file
    """
    from keras_cnns.tflite.check import check as checking

    path, changes = Path(file), []
    if fix:
        from keras_cnns.tflite.check.fix import fix as mend
        from keras_cnns.tflite.file.reader import read_contents

        destination = Path(out) if out else checking.fixed_path(path)
        changes = mend(read_contents(path), destination, target)
        path = destination if changes else path
    elif out is not None:
        raise BadArgument("--out names the file that --fix writes: add --fix.")
    report = checking.check(path, target, _bytes(path, pictures))
    if as_json:
        print_json({**report.to_dict(), "fixed": changes})
    else:
        for line in changes:
            print(printable(f"fixed: {line}"))
        if fix:
            print(f"wrote {path}" if changes else "no fault could be corrected without changing an output")
        for part in tables(report):
            show(part)
    if not report.sound:
        sys.exit(1)


def tables(report: Any) -> Iterator[Any]:
    """The tables of a `CheckReport`: facts, findings, and a row for each target with its messages."""
    from keras_cnns.tflite.verify.on_targets import targets_table

    facts = table_of("", "")
    facts.show_header = False
    facts.add_row("file", f"{report.path}, {report.size_bytes:,} bytes")
    for side in ("inputs", "outputs"):
        for name, words in getattr(report, side).items():
            facts.add_row(side[:-1], f"{name}: {words}")
    facts.add_row("operators", ", ".join(f"{count} {name}" for name, count in report.operators.items()))
    yield facts
    if report.findings:
        findings = table_of("", "finding", "what to do")
        for finding in report.findings:
            findings.add_row(finding.severity, finding.message, finding.fix)
        yield findings
    else:
        yield "no findings"
    yield targets_table(report.targets)


def _bytes(path: Path, folder: str | None) -> np.ndarray | None:
    """The first pictures of a folder at the size of the file's input, cropped as in the model's evaluation."""
    if folder is None:
        return None
    from keras_cnns.data.sources import walk
    from keras_cnns.inference.pictures import read_picture
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite.file.reader import read_contents

    file = read_contents(path)
    shapes = [tensor.shape[1:] for tensor in file.inputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] not in (1, 3):
        raise BadArgument(f"{path} takes {', '.join(map(str, shapes))}: --pictures is for files that take one picture.")
    if not Path(folder).is_dir():
        raise BadArgument(f"there is no folder {folder}: --pictures takes a folder of pictures.")
    paths = walk.pictures(folder)[:MOST_PICTURES]
    if not paths:
        raise BadArgument(f"there are no pictures in {folder}: give --pictures another folder.")
    view = read_card(path).view()
    return np.stack([read_picture(picture, shapes[0], **view) for picture in paths])
