"""From a Keras model to a file that may be handed over: convert, quantize, run, compare, and only then write."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UserError, memory_told
from keras_cnns.support.validation import path_of
from keras_cnns.tflite import arguments, auto
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.source import source_of
from keras_cnns.tflite.file import convert, metadata
from keras_cnns.tflite.flatbuffers import flatbuffers
from keras_cnns.tflite.inputs import pictures
from keras_cnns.tflite.inputs.gather import MADE_UP, gathered
from keras_cnns.tflite.inputs.synthetic import WORD
from keras_cnns.tflite.network import Network, sums
from keras_cnns.tflite.quantize import ranges, schemes
from keras_cnns.tflite.quantize import tuning as tune
from keras_cnns.tflite.rewrite import ends
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.judgement import beside_source, compared, differences, kinds_of, remarks, with_source
from keras_cnns.tflite.verify.layer_errors import first_wrong, layer_errors
from keras_cnns.tflite.verify.report import Report

AUTO = "auto"


class Rejected(UserError):
    """A file that failed the comparison; `report` says how, and lists the error of every layer."""

    def __init__(self, message, report):
        super().__init__(message)
        self.report = report


@memory_told()
def export(
    model,
    path,
    *,
    scheme="float32",
    max_drop=0.01,
    max_size=None,
    max_latency=None,
    spare=None,
    calibration=None,
    images=None,
    labels=None,
    outputs=None,
    input_type="float32",
    output_type="float32",
    batch=1,
    preprocessing=None,
    head=None,
    k=5,
    explain=None,
    islands=None,
    engine="quantizer",
    tuning=None,
    normalization=None,
    names=None,
    card=None,
    force=False,
):
    """Writes `model` to the `.tflite` file `path` and returns a `Report` on how well the file stands in for it.

    The file is run by LiteRT in a process of its own and compared with the Keras model before it takes its name.

    Args:
      model: any functional `keras.Model`, the path of a `.keras` file, or what `quantization_aware` returned.
      scheme: a row of `SCHEMES`, or "auto": the fastest that loses no more than `max_drop` of the accuracy (where
        labels show no drop, or none are given: of what is given away by the model's own probabilities).
      max_size, max_latency: what "auto" keeps within besides, as shares of the float32 file's, such as 0.2; how small
        "weight_only_mixed" gets (0.2, or as near as it can).
      spare: of "int8_float_mixed" and "int8_int16_mixed": the share of int8's harm, measured operator by operator, that
        is avoided by leaving the worst out of it; 0.75 by default.
      calibration: pictures exactly as the model takes them, for the schemes that quantize activations: an array
        (N, H, W, C), or whatever else `fit` and `predict` take; a few dozen of each kind do. "synthetic" makes some up
        from the statistics of batch normalization, where there are none at all.
      images: pictures to compare on; those of the calibration where none are given, and noise where there are neither.
      labels: integer class numbers of `images`, to know the accuracy of both; (N, labels) of zeros and ones where
        several are true at once, (N, H, W) where each pixel has a class.
      outputs: what the outputs are, a key of `ends.KINDS` ("classifier", "multilabel", "segmentation", "regression"
        ...), or a list or dict of them: it decides how the file is judged. Else told from the end of the graph.
      input_type, output_type: "float32", "int8" or "uint8" of the file's inputs and outputs, integers where activations
        are quantized. A uint8 input takes a camera's bytes where the model takes pixels from 0 to 255.
      batch: pictures at a time, 1 on a phone; None leaves it open.
      preprocessing: Keras layers to put before the model, such as `keras.layers.Rescaling(1 / 127.5, offset=-1)`; the
        pictures of calibration and comparison are then what these layers take.
      head, k: a key of `ends.HEADS` to end the file in something else: logits, softmax, argmax or the `k` best.
      explain: "cam" adds the output `class_map`, [batch, rows, columns, classes]: where each class is seen, for
        networks that end in global average pooling and a dense layer.
      islands: operators ("ADD", ...) that `int8_float_islands` leaves in floats; by default those that would
        run outside XNNPACK otherwise.
      engine: "quantizer" (LiteRT Quantizer) or "converter" (the stock converter's own quantization).
      tuning: a `Tuning`: how ranges, scales, rounding and biases are chosen on the calibration pictures; by default
        `Tuning()` where there are any. `Tuning.plain()` rounds everything to the nearest.
      normalization: a `metadata.Normalization` for the app to prepare pixels with; by default what the range of the
        pictures suggests (0 to 255, 0 to 1, -1 to 1).
      names: names of the classes, in the order of the outputs; they travel in the file.
      card: a `Card` with more to say about the model.
      force: hand a failing file over all the same.

    Raises:
      UserError: an argument cannot be used, or the model cannot be converted.
      Rejected: the file fails the comparison. What stood at `path` stands there still, and the failing file beside it
        as `NAME.rejected.tflite`.
    """
    options = {key: value for key, value in locals().items() if key not in ("path", "scheme", "force")}
    path, started = path_of(path), time.perf_counter()
    words = ("scheme", "engine", "head", "explain", "input_type", "output_type")
    shares = ("max_size", "max_latency", "spare")
    plain_ones = ("batch", "max_drop", "k", "islands", "names", "card", "normalization", "tuning", *shares)
    arguments.check(**{key: {**options, "scheme": scheme}[key] for key in (*plain_ones, *words)})
    if scheme == AUTO:
        return _automatic(path, **options)
    row = schemes.find(scheme)
    arguments.check_scheme(path, scheme, row, options)
    card = read_card(Path(model)) if card is None and _is_file(model) else card
    card = card or Card(labels=_class_names(model))
    source = source_of(model)
    network = Network.of(ends.with_ends(convert.load(aware.native(model)), preprocessing, head, k)).explained(explain)
    given = gathered(network, row, scheme, calibration, images, labels)
    network = network.sized(given.images)

    job = schemes.Job(
        calibration=given.thinned,
        batch=batch,
        input_type=input_type,
        output_type=output_type,
        islands=islands,
        tuning=tuning or tune.Tuning(),
        max_size=max_size,
        spare=schemes.SPARE if spare is None else spare,
        once=lambda what, told, make: network.once(what, (sums(given.thinned), told), make),
    )
    original, kinds = network.answers(given.images), kinds_of(network, outputs, given)
    plain, made = flatbuffers(network, scheme, row, job, engine)
    card = _labelled(card, network, scheme, names, original)
    data = metadata.attach(made, card, normalization=normalization or _guessed(given))

    with written_aside(path) as temporary, tempfile.TemporaryDirectory() as folder:
        temporary.write_bytes(data)
        reference = Path(folder, "float32.tflite")
        reference.write_bytes(plain)
        found, answers = _examined(path, temporary, reference, given.images, row)
        comparisons = compared(original, answers, kinds, given, found["scales"])
        status, reasons = verdict.judge(comparisons, scheme)
        beside = beside_source(source, network, answers, kinds, given)
        status, reasons = with_source(status, reasons, beside)
        report = Report(
            path=str(path),
            model=card.name,
            scheme="int8_qat" if network.is_quantization_aware else scheme,
            status=status,
            reasons=reasons,
            notes=(*given.notes, *job.notes, *remarks(original, kinds, given, answers), *differences(beside)),
            pictures=len(next(iter(given.images.values()))),
            comparisons=comparisons,
            source_comparisons=beside,
            harms=tuple(job.harms),
            layers=_layers(network, temporary, reference, given.images) if status == "fail" else (),
            size_bytes=temporary.stat().st_size,
            size_ratio=temporary.stat().st_size / len(plain),
            operators=len(found["operators"]),
            undelegated=found["undelegated"],
            **_latency(found),
            seconds=time.perf_counter() - started,
        )
        if status == "fail" and not force:
            _refuse(path, temporary, report)
    return report


def _automatic(path, *, model, calibration, images, max_drop, **options):
    """`auto.pick`, with everything read once that can be read only once."""
    arguments.check_target(path)
    if options.pop("spare") is not None:
        raise UserError('"auto" tries several: spare is for int8_float_mixed and int8_int16_mixed.')
    if options["card"] is None and _is_file(model):
        options["card"] = read_card(model)
    whole = ends.with_ends(convert.load(aware.native(model)), options["preprocessing"], options["head"], options["k"])
    names = convert.input_names(whole)
    if calibration is not None and not (isinstance(calibration, str) and calibration == WORD):
        calibration = pictures.gather(calibration, whole, names, "calibration", limit=pictures.CALIBRATION_PICTURES)
    if images is not None:
        images = pictures.gather(images, whole, names, "images")
    return auto.pick(
        export,
        path,
        max_drop=max_drop,
        calibrated=calibration is not None,
        integer_io={options["input_type"], options["output_type"]} != {"float32"},
        model=whole,
        calibration=calibration,
        images=images,
        **{**options, "preprocessing": None, "head": None},
    )


def _class_names(model):
    """What a model keeps of its classes' names, as Keras's data sets call them."""
    names = getattr(model, "class_names", ())
    return tuple(map(str, names)) if isinstance(names, (list, tuple, np.ndarray)) else ()


def _is_file(model):
    return isinstance(model, (str, Path)) and os.path.isfile(model)


def _labelled(card, network, scheme, names, original):
    """The card that travels in the file: whose network it is, what its classes are called."""
    labels = tuple(map(str, card.labels if names is None else names))
    answers = [array for name, array in original.items() if name != CLASS_MAP]
    classes = answers[0].shape[-1]
    if labels and len(answers) == 1 and len(labels) != classes and not np.issubdtype(answers[0].dtype, np.integer):
        raise UserError(f"there are {len(labels)} names for {classes} outputs.")
    made_of = {**card.source, "scheme": scheme, "weights_sha256": network.weights_digest()}
    return replace(card, name=card.name or network.model.name, labels=labels, source=made_of)


def _guessed(given):
    """How pixels from 0 to 255 become what the file takes, when the pictures fill a customary range."""
    values = given.calibration or (None if MADE_UP in given.notes else given.images)
    if values is None or len(values) != 1:
        return None
    (values,) = values.values()
    found = ranges.picture_range(float(values.min()), float(values.max()))
    return found and metadata.normalization(*found)


def _examined(path, temporary, reference, images, row):
    """What LiteRT found, and its answers."""
    try:
        return runner.ask("examine", images, file=str(temporary.resolve()), reference=str(reference))
    except UserError as error:
        other = " Take weight_only_int8, or int8_float_islands." if row.integer_io else ""
        raise UserError(f"{error}.{other} The file was kept as {_set_aside(path, temporary)}.") from error


def _layers(network, temporary, reference, images):
    layers = [layer.name for layer in network.model._flatten_layers(include_self=False)]
    return layer_errors(temporary.resolve(), reference, images, layers)


def _latency(found):
    before, after = np.asarray(found["times_ms"])
    # the ratio run by run: a busy machine slows both
    return {"latency_ms": float(np.median(after)), "latency_ratio": float(np.median(after / before))}


def _set_aside(path, temporary):
    aside = path.with_name(f"{path.stem}.rejected.tflite")
    with written_aside(aside) as copy:
        copy.write_bytes(temporary.read_bytes())
    return aside


def _refuse(path, temporary, report):
    wrong = first_wrong(report.layers)
    where = f" It goes wrong at {wrong.operator} of {wrong.layer} ({wrong.snr_db:.0f} dB)." if wrong else ""
    raise Rejected(
        f"the {report.scheme} file of {report.model} is not the network it was made from: {'; '.join(report.reasons)}."
        f"{where} {_advice(report)} It was kept as {_set_aside(path, temporary)}; force=True hands it over.",
        report,
    )


def _advice(report):
    for note in report.notes:
        if "are both scaled alike" in note:
            return f"The {note}"
    if schemes.find(report.scheme.removesuffix("_qat")).calibrated:
        return "Look at the calibration pictures (are they scaled as in training?) or take weight_only_int8."
    return "Take a scheme that keeps more bits, or look for NaN and for a layer that is random in inference."
