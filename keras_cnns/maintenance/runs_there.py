"""Measures which networks run on which targets: `python -m keras_cnns.maintenance.runs_there [NAME ...]`.

Writes docs/measurements/runs_there.md. Every mobile network and the smallest of every other family is exported in
float32 and int8 for every target whose tool is installed. The weights are calibrated (`maintenance/calibrated.py`).
Finished cells are kept in `--folder` and are not measured again.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.builder import info
from keras_cnns.maintenance import runs_there_page as page
from keras_cnns.maintenance.calibrated import build_calibrated, pictures, shape_at
from keras_cnns.registry.registry import list_models
from keras_cnns.support.atomic_files import write_json, write_text
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.exporter import Exporter
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.quantize.settings import FileSettings, Tuning
from keras_cnns.tflite.targets import table
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites, Target
from keras_cnns.tflite.verify.on_targets import TargetResult
from keras_cnns.tflite.verify.report import Report

MOBILE = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "mnasnet", "efficientnet_lite", "efficientnet", "squeezenet")
LARGEST = 80e6  # parameters
SIZE = 64  # pixels, or the least that the network takes
TO_CALIBRATE, TO_COMPARE = 100, 16  # pictures
LITERT = "litert"


class Recorder:
    """A target that keeps its last outputs."""

    def __init__(self, target: Target) -> None:
        self.target, self.outputs = target, None
        self.name, self.title, self.install = target.name, target.title, target.install

    outputs: Outputs | None

    def rewrites(self) -> Rewrites:
        return self.target.rewrites()

    def findings(self, file: TFLiteFile) -> list[Finding]:
        return self.target.findings(file)

    def placement(self, file: TFLiteFile) -> Placement:
        return self.target.placement(file)

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        self.outputs = self.target.run(file, inputs)
        return self.outputs


def names() -> list[str]:
    """The networks of the table: all of the mobile families, then the smallest of every other family."""
    families: dict[str, list[str]] = {}
    for name in list_models():
        families.setdefault(info(name)["family"], []).append(name)
    mobile = [name for family in MOBILE for name in families.pop(family)]
    others = [min(members, key=lambda name: info(name)["params"]) for members in families.values()]
    return [name for name in mobile + others if info(name)["params"] <= LARGEST]


def groups(scheme: str, targets: tuple[Target, ...]) -> list[list[Target]]:
    """The targets, without LiteRT itself, that one file of the scheme serves: those that want the same forms."""
    others = [target for target in targets if target.name not in (LITERT, *page.LEFT_OUT)]
    if scheme == "float32":  # NPUs compute integers only
        return [[target for target in others if not target.name.startswith("ethos")]]
    by_forms: dict[Rewrites, list[Target]] = {}
    for target in others:
        by_forms.setdefault(target.rewrites(), []).append(target)
    return list(by_forms.values())


def measure(name: str, targets: tuple[Target, ...], folder: Path, rows: dict[str, Any]) -> Iterator[None]:
    """Fills the missing cells of a network: "NAME SCHEME TARGET" -> what `cell` returns. Yields after each file."""
    missing = [
        (scheme, [target for target in group if f"{name} {scheme} {target.name}" not in rows])
        for scheme in page.SCHEMES
        for group in groups(scheme, targets)
    ]
    missing = [(scheme, group) for scheme, group in missing if group]
    if not missing:
        return
    model, seen, unseen = _network(name)
    exporter = Exporter(model, calibration=seen[::2], images=unseen)
    for scheme, group in missing:
        recorders = [Recorder(target) for target in group]
        path = folder / f"{name}-{scheme}-{group[0].name}.tflite"
        settings = FileSettings(tuning=Tuning.plain() if scheme == "int8" else None)
        try:
            report = exporter.with_targets(recorders).export(path, scheme, settings, force=True)
            cells = {r.name: cell(result, r, exporter) for r, result in zip(recorders, report.targets, strict=True)}
            cells[LITERT] = litert_cell(report)
        except UserError as error:
            cells = {target.name: {"status": "fail", "reasons": [str(error)]} for target in group}
        for target, values in cells.items():
            rows.setdefault(f"{name} {scheme} {target}", {"pixels": model.input_shape[1:3], **values})
        yield


def measure_stock(name: str, folder: Path, rows: dict[str, Any]) -> None:
    """Cycles of the file that TensorFlow's converter makes of a mobile network: "NAME stock TARGET"."""
    targets = [target for target in page.npus() if f"{name} stock {target.name}" not in rows]
    if info(name)["family"] not in MOBILE or not targets:
        return
    model, seen, _ = _network(name)
    path = folder / f"{name}-stock.tflite"
    signature = [tf.TensorSpec((1, *model.input_shape[1:]))]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None]] for picture in seen[::2])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    for target in targets:
        placement = target.placement(read_contents(path))
        rows[f"{name} stock {target.name}"] = {"cycles": placement.cycles, "outside": placement.outside}


def _network(name: str) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """The network with calibrated weights, the pictures it was calibrated on, and others."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    shape = shape_at(name, SIZE)
    (seen, labels), (unseen, _) = (pictures(n, shape, seed=n) for n in (TO_CALIBRATE, TO_COMPARE))
    seen, unseen = np.rint(seen), np.rint(unseen)  # MediaPipe takes bytes
    return build_calibrated(name, SIZE, seen, labels), seen, unseen


def cell(result: TargetResult, recorder: Recorder, exporter: Exporter) -> dict[str, Any]:
    """What the table says of one target: its status and why, the share of pictures of the same class, what it costs."""
    share = None
    if recorder.outputs is not None:
        scales = {name: recorder.outputs.scales.get(name, 0.0) for name in exporter.original.outputs}
        share = same_class(exporter.original.compare(recorder.outputs.arrays, scales))
    placement = result.placement
    costs = {} if placement is None else {key: getattr(placement, key) for key in page.COSTS}
    why_outside = {} if placement is None else placement.reasons
    return {
        "status": result.status,
        "reasons": list(result.reasons),
        "errors": [finding.code for finding in result.findings if finding.severity == "error"],
        "same_class": share,
        "answered": result.answered,
        "why_outside": why_outside,
        **costs,
    }


def litert_cell(report: Report) -> dict[str, Any]:
    """The same of LiteRT itself, which makes no `TargetResult`."""
    reasons = [r for r in report.reasons if not r.startswith(tuple(f"{name}: " for name in table.TARGETS))]
    return {
        "status": report.status if reasons or report.status == "pass" else "pass",
        "reasons": reasons,
        "errors": [],
        "same_class": same_class(report.comparisons),
        "answered": True,
        "operators": report.operators,
        "outside": report.undelegated,
    }


def same_class(comparisons: Any) -> float | None:
    """The least share of pictures (or boxes) that get the class of the Keras model; None where there are no classes."""
    shares = [c.agreement if c.agreement is not None else c.overlap for c in comparisons]
    known = [share for share in shares if share is not None]
    return float(np.min(known)) if known else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="by default all mobile networks and one of each other family")
    parser.add_argument("--targets", default="all", help="only these, with commas")
    parser.add_argument("--stock", action="store_true", help="also the cycles of TensorFlow's own int8 files on NPUs")
    parser.add_argument("--folder", default="runs/runs_there", help="of the finished cells")
    parser.add_argument("--doc", default="docs/measurements/runs_there.md")
    parser.add_argument("--only-page", action="store_true", help="write the page from the finished cells")
    flags = parser.parse_args()
    os.makedirs(flags.folder, exist_ok=True)
    file = Path(flags.folder, "rows.json")
    rows = json.loads(file.read_text()) if file.exists() else {}
    for name in () if flags.only_page else flags.names or names():
        with tempfile.TemporaryDirectory() as folder:
            for _ in measure(name, table.select(flags.targets), Path(folder), rows):
                write_json(file, rows)
            if flags.stock:
                measure_stock(name, Path(folder), rows)
                write_json(file, rows)
        own = {key.split(" ", 1)[1]: row for key, row in rows.items() if key.split()[0] == name}
        print(name, {key: row["status"] for key, row in own.items() if "status" in row})
    write_text(flags.doc, page.written(rows, names(), TO_COMPARE))


if __name__ == "__main__":
    main()
