"""From a Keras model to a file that may be handed over: convert, quantize, run, compare, and only then write."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cnns.card import Card, read_card
from keras_cnns.errors import UserError
from keras_cnns.files import written_aside
from keras_cnns.tflite import convert, flatbuffer, pictures, quantize, runner, verify
from keras_cnns.tflite.metadata import attach
from keras_cnns.tflite.report import Report

TYPES = ("float32", "int8", "uint8")
MADE_UP = "compared on made-up pictures, which says nothing of classes: give images"


def export(
    model,
    path,
    *,
    scheme="float32",
    calibration=None,
    images=None,
    labels=None,
    input_type="float32",
    output_type="float32",
    batch=1,
    names=None,
    card=None,
    force=False,
):
    """Writes `model` to the `.tflite` file `path` and returns a `Report` on how well the file stands in for it.

    The file is run by LiteRT in a process of its own and compared with the Keras model before it takes its name.

    Args:
      model: any functional `keras.Model`, or the path of a `.keras` file.
      scheme: a row of `SCHEMES`.
      calibration: pictures exactly as the model takes them, for the schemes that quantize activations: an array
        (N, H, W, C), or an iterable of batches; a few dozen of each kind do.
      images: pictures to compare on; those of the calibration where none are given, and noise where there are neither.
      labels: integer class numbers of `images`, to know the accuracy of both.
      input_type, output_type: "float32", "int8" or "uint8" of the file's inputs and outputs, integers where activations
        are quantized. A uint8 input takes a camera's bytes where the model takes pixels from 0 to 255.
      batch: pictures at a time, 1 on a phone; None leaves it open.
      names: names of the classes, in the order of the outputs; they travel in the file.
      card: a `Card` with more to say about the model.
      force: hand a failing file over all the same.

    Raises:
      UserError: an argument cannot be used, the model cannot be converted, or the file fails the comparison. Then what
        stood at `path` stands there still, and the failing file beside it as `NAME.rejected.tflite`.
    """
    started = time.perf_counter()
    path, row = Path(path), quantize.find(scheme)
    _check_target(path)
    _check_types(scheme, row, input_type, output_type)
    if card is None:
        card = read_card(model) if isinstance(model, (str, Path)) and Path(model).is_file() else Card()
    model = convert.load(model)
    card = replace(card, name=card.name or model.name, labels=tuple(card.labels if names is None else names))
    calibration, images, labels, notes = _pictures(model, row, scheme, calibration, images, labels)

    plain = to_float32(model, batch, split_hard_swish=row.calibrated)
    job = quantize.Job(calibration, batch, input_type, output_type)
    made = quantize.make(scheme, plain, job)
    if "uint8" in (input_type, output_type):
        made = flatbuffer.as_uint8(made, inputs=input_type == "uint8", outputs=output_type == "uint8")

    original = verify.reference_outputs(model, images)
    classifier = verify.is_classifier(model, original) and notes != (MADE_UP,)
    _check_names(card.labels, original)
    if labels is not None:
        if not classifier:
            raise UserError(f"labels are for a classifier, and {model.name} is none: leave them out.")
        labels = pictures.check_labels(labels, *next(iter(original.values())).shape)

    with written_aside(path) as temporary, tempfile.TemporaryDirectory() as folder:
        temporary.write_bytes(attach(made, card))
        reference = Path(folder, "float32.tflite")
        reference.write_bytes(plain)
        result, answers = runner.ask("examine", images, file=str(temporary.resolve()), reference=str(reference))
        comparisons = tuple(
            verify.compare(
                name, original[name], answers[name], labels=labels, classifier=classifier, scale=result["scales"][name]
            )
            for name in answers
        )
        before, after = np.median(result["times_ms"], axis=1).tolist()
        status, reasons = verify.judge(comparisons, scheme)
        report = Report(
            path=str(path),
            model=card.name,
            scheme=scheme,
            status=status,
            reasons=reasons,
            notes=(*notes, *verify.doubts(original, classifier, labels)),
            pictures=len(next(iter(images.values()))),
            comparisons=comparisons,
            size_bytes=temporary.stat().st_size,
            size_ratio=temporary.stat().st_size / len(plain),
            latency_ms=after,
            latency_ratio=after / before,
            operators=len(result["operators"]),
            undelegated=result["undelegated"],
            seconds=time.perf_counter() - started,
        )
        if status == "fail" and not force:
            _refuse(path, temporary, report)
    return report


def to_float32(model, batch=1, *, split_hard_swish=False):
    """The prepared model's float32 flatbuffer, with the names of the original and without its auxiliary outputs."""
    from keras_cnns.tflite.prepare import prepare

    names = convert.output_names(model)
    kept = [i for i, name in enumerate(names) if not name.startswith("aux")] or list(range(len(names)))
    lean = prepare(model, outputs=kept, split_hard_swish=split_hard_swish)
    return convert.to_flatbuffer(lean, batch, inputs=convert.input_names(model), outputs=[names[i] for i in kept])


def _check_target(path):
    """Before minutes are spent: can a file be made there?"""
    if path.suffix != ".tflite":
        raise UserError(f"{path} does not end in .tflite.")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a file.")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"cannot write {path}: {folder} is no folder one may write in.")


def _check_types(scheme, row, *types):
    for kind in types:
        if kind not in TYPES:
            raise UserError(f"there is no input or output type {kind!r}: choose from {', '.join(TYPES)}.")
        if kind != "float32" and not row.calibrated:
            raise UserError(f"{scheme} computes in floats: {kind} inputs and outputs need a scheme such as int8.")


def _pictures(model, row, scheme, calibration, images, labels):
    """Calibration (thinned), images, labels, and what is to be said about where they come from."""
    names, notes = convert.input_names(model), ()
    if calibration is not None:
        limit = None if images is None and labels is not None else pictures.CALIBRATION_PICTURES
        calibration = pictures.gather(calibration, model, names, "calibration", limit=limit)
    elif row.calibrated:
        raise UserError(f"{scheme} needs calibration pictures: give calibration=, some dozens as the model takes them.")
    if images is not None:
        images = pictures.gather(images, model, names, "images")
    elif calibration is not None:
        images = calibration
        if row.calibrated:
            notes = ("compared on the calibration pictures themselves: give images it has not seen",)
    elif labels is not None:
        raise UserError("labels need the images they belong to: give images=.")
    else:
        images, notes = pictures.made_up(model, names), (MADE_UP,)
    return calibration and pictures.thin(calibration), images, labels, notes


def _check_names(names, original):
    classes = next(iter(original.values())).shape[-1]
    if names and len(original) == 1 and len(names) != classes:
        raise UserError(f"there are {len(names)} names for {classes} outputs.")


def _refuse(path, temporary, report):
    aside = path.with_name(f"{path.stem}.rejected.tflite")
    with written_aside(aside) as copy:
        copy.write_bytes(temporary.read_bytes())
    raise UserError(
        f"the {report.scheme} file of {report.model} is not the network it was made from: {'; '.join(report.reasons)}. "
        f"{_advice(report)} It was kept as {aside}; force=True hands it over all the same."
    )


def _advice(report):
    if report.scheme == "int8":
        return "Look at the calibration pictures (are they scaled as in training?) or take weight_only_int8."
    return "Look for NaN or a layer that is random in inference."
