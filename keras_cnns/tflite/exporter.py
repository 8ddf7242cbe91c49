"""From a Keras model to a file that may be handed over: convert, quantize, run, compare, and only then write."""

import hashlib
import os
import tempfile
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cnns.arguments import path_of
from keras_cnns.card import Card, read_card
from keras_cnns.errors import UserError
from keras_cnns.files import written_aside
from keras_cnns.tflite import arguments
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.fake_quant import FakeQuant, is_quantization_aware
from keras_cnns.tflite.file import convert, flatbuffer, metadata
from keras_cnns.tflite.graph import ends
from keras_cnns.tflite.graph.prepare import prepare
from keras_cnns.tflite.graph.reader import read
from keras_cnns.tflite.proof import pictures, runner, verify
from keras_cnns.tflite.proof.layer_errors import first_wrong, layer_errors
from keras_cnns.tflite.proof.report import Report
from keras_cnns.tflite.quantize import auto, schemes, stock

TYPES = ("float32", "int8", "uint8")
ENGINES = ("quantizer", "converter")
AUTO = "auto"
MADE_UP = "compared on made-up pictures, which says nothing of classes: give images"


class Rejected(UserError):
    """A file that failed the comparison; `report` says how, and lists the error of every layer."""

    def __init__(self, message, report):
        super().__init__(message)
        self.report = report


def export(
    model,
    path,
    *,
    scheme="float32",
    max_drop=0.01,
    calibration=None,
    images=None,
    labels=None,
    input_type="float32",
    output_type="float32",
    batch=1,
    preprocessing=None,
    head=None,
    k=5,
    islands=None,
    engine="quantizer",
    normalization=None,
    names=None,
    card=None,
    force=False,
):
    """Writes `model` to the `.tflite` file `path` and returns a `Report` on how well the file stands in for it.

    The file is run by LiteRT in a process of its own and compared with the Keras model before it takes its name.

    Args:
      model: any functional `keras.Model`, the path of a `.keras` file, or what `quantization_aware` returned.
      scheme: a row of `SCHEMES`, or "auto": the fastest that loses no more than `max_drop` of the accuracy (without
        labels: gives no more than that share of the pictures another class).
      calibration: pictures exactly as the model takes them, for the schemes that quantize activations: an array
        (N, H, W, C), or an iterable of batches; a few dozen of each kind do.
      images: pictures to compare on; those of the calibration where none are given, and noise where there are neither.
      labels: integer class numbers of `images`, to know the accuracy of both.
      input_type, output_type: "float32", "int8" or "uint8" of the file's inputs and outputs, integers where activations
        are quantized. A uint8 input takes a camera's bytes where the model takes pixels from 0 to 255.
      batch: pictures at a time, 1 on a phone; None leaves it open.
      preprocessing: Keras layers to put before the model, such as `keras.layers.Rescaling(1 / 127.5, offset=-1)`; the
        pictures of calibration and comparison are then what these layers take.
      head, k: a key of `ends.HEADS` to end the file in something else: logits, softmax, argmax or the `k` best.
      islands: operators ("ADD", ...) that `int8_float_islands` leaves in floats; by default those that would
        run outside XNNPACK otherwise.
      engine: "quantizer" (AI Edge Quantizer) or "converter" (the stock converter's own quantization).
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
    path, started = path_of(path), time.perf_counter()
    words = {"scheme": scheme, "engine": engine, "head": head, "input_type": input_type, "output_type": output_type}
    given = {"batch": batch, "max_drop": max_drop, "k": k, "islands": islands, "names": names, "card": card}
    arguments.check(**given, normalization=normalization, **words)
    if scheme == AUTO:
        given = {key: value for key, value in locals().items() if key not in ("started", "path", "scheme", "force")}
        return _automatic(path, **{key: given[key] for key in given if key not in ("given", "words")})
    row = schemes.find(scheme)
    _check_target(path)
    _check_types(scheme, row, input_type, output_type)
    if engine not in ENGINES:
        raise UserError(f"there is no engine {engine!r}: choose from {', '.join(ENGINES)}.")
    source = Path(model) if isinstance(model, (str, Path)) else None
    if card is None:
        card = read_card(source) if source and source.is_file() else Card(labels=getattr(model, "class_names", ()))
    model = ends.with_ends(convert.load(aware.native(model)), preprocessing, head, k)
    made_of = {**card.source, "scheme": scheme, "weights_sha256": _digest(model)}
    labels_kept = tuple(map(str, card.labels if names is None else names))
    card = replace(card, name=card.name or model.name, labels=labels_kept, source=made_of)
    calibration, images, labels, notes = _pictures(model, row, scheme, calibration, images, labels)

    job = schemes.Job(calibration, batch, input_type, output_type, islands)
    normalization = normalization or _guessed(calibration, images, notes)
    signature = _signature(model)
    known = _known(model, made_of["weights_sha256"])
    plain, made = _files(model, signature, scheme, row, job, engine, known)

    original = known.once("answers", images, lambda: verify.reference_outputs(model, images, **signature))
    classifier = verify.is_classifier(model, original) and notes != (MADE_UP,)
    _check_names(card.labels, original)
    if labels is not None:
        if not classifier:
            raise UserError(f"labels are for a classifier, and {model.name} is none: leave them out.")
        labels = pictures.check_labels(labels, *next(iter(original.values())).shape)

    with written_aside(path) as temporary, tempfile.TemporaryDirectory() as folder:
        temporary.write_bytes(metadata.attach(made, card, normalization=normalization))
        reference = Path(folder, "float32.tflite")
        reference.write_bytes(plain)
        try:
            result, answers = runner.ask("examine", images, file=str(temporary.resolve()), reference=str(reference))
        except UserError as error:
            raise UserError(f"{error} The file was kept as {_set_aside(path, temporary)}.") from error
        comparisons = tuple(
            verify.compare(
                name,
                original[name],
                answers[name],
                labels=labels,
                classifier=classifier,
                probability=verify.is_probability(model, original[name]),
                scale=result["scales"][name],
            )
            for name in answers
        )
        before, after = np.asarray(result["times_ms"])
        status, reasons = verify.judge(comparisons, scheme)
        errors = ()
        if status == "fail":
            layers = [layer.name for layer in model._flatten_layers(include_self=False)]
            errors = layer_errors(temporary.resolve(), reference, images, layers)
        report = Report(
            path=str(path),
            model=card.name,
            scheme="int8_qat" if is_quantization_aware(model) else scheme,
            status=status,
            reasons=reasons,
            notes=(*notes, *verify.doubts(original, classifier, labels)),
            pictures=len(next(iter(images.values()))),
            comparisons=comparisons,
            layers=errors,
            size_bytes=temporary.stat().st_size,
            size_ratio=temporary.stat().st_size / len(plain),
            latency_ms=float(np.median(after)),
            latency_ratio=float(np.median(after / before)),  # run by run: a busy machine slows both
            operators=len(result["operators"]),
            undelegated=result["undelegated"],
            seconds=time.perf_counter() - started,
        )
        if status == "fail" and not force:
            _refuse(path, temporary, report)
    return report


def _automatic(path, *, model, calibration, images, max_drop, **options):
    """`auto.pick`, with everything read once that can be read only once."""
    _check_target(path)
    if options["card"] is None and isinstance(model, (str, Path)) and Path(model).is_file():
        options["card"] = read_card(model)
    model = convert.load(aware.native(model))
    whole = ends.with_ends(model, options["preprocessing"], options["head"], options["k"])
    names = convert.input_names(whole)
    if calibration is not None:
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


def _signature(model):
    """Names of the file's inputs and outputs: the model's."""
    return {"inputs": convert.input_names(model), "outputs": convert.output_names(model)}


class _Known:
    """What several files of one model have in common: its float32 flatbuffers, its answers to the same pictures."""

    def __init__(self, model, weights):
        self.model, self.weights, self.found = weakref.ref(model), weights, {}

    def once(self, what, given, make):
        """`make()`, or what it gave before for the same `what` and the same `given` (pictures, or a plain value)."""
        key = {name: _sum(array) for name, array in given.items()} if isinstance(given, dict) else given
        if what not in self.found or self.found[what][0] != key:
            self.found[what] = (key, make())
        return self.found[what][1]


_last = None  # of the model exported last; one is enough, and they are large


def _known(model, weights):
    """What is known of the model already, unless its weights have changed since."""
    global _last
    if _last is None or _last.model() is not model or _last.weights != weights:
        _last = _Known(model, weights)
    return _last


def _sum(array):
    return array.shape, str(array.dtype), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _files(model, names, scheme, row, job, engine, known):
    """The flatbuffers in float32 and in `scheme`; outputs whose names begin with "aux" are left out."""
    if is_quantization_aware(model):
        return _trained_for_int8(model, names, scheme, job)
    kept = [i for i, name in enumerate(names["outputs"]) if not name.startswith("aux")]
    kept = kept or range(len(names["outputs"]))
    names = {**names, "outputs": [names["outputs"][i] for i in kept]}

    def lean(int8_forms):
        return prepare(model, outputs=list(kept), int8_forms=int8_forms)

    def floats(int8_forms):
        form = f"int8_forms={int8_forms}"
        return known.once(form, job.batch, lambda: convert.to_flatbuffer(lean(int8_forms), job.batch, **names))

    plain = floats(False)  # what the file is compared with is the float32 file that would be shipped
    if engine == "converter":
        return plain, stock.make(scheme, lean(row.int8_forms), job, **names)
    made = schemes.make(scheme, floats(row.int8_forms), job)
    inputs, outputs = (kind == "uint8" for kind in (job.input_type, job.output_type))
    return plain, flatbuffer.as_uint8(made, inputs=inputs, outputs=outputs) if inputs or outputs else made


def _trained_for_int8(model, names, scheme, job):
    if scheme != "int8":
        raise UserError(f"{model.name} was trained to be int8: scheme {scheme!r} would throw that away.")
    graph = read(aware.frozen(model))
    graph.rewrite(lambda node, uses: node.input if node.is_a(FakeQuant) else None)
    plain = convert.to_flatbuffer(graph.build(), job.batch, **names)
    types = {"input_type": job.input_type, "output_type": job.output_type}
    return plain, flatbuffer.write(flatbuffer.read(aware.convert(model, batch=job.batch, **types)))


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
        if kind != "float32" and not row.integer_io:
            raise UserError(f"{scheme} has no {kind} inputs and outputs: that needs a scheme such as int8.")


def _pictures(model, row, scheme, calibration, images, labels):
    """Calibration (thinned), images, labels, and what is to be said about where they come from."""
    names, notes = convert.input_names(model), ()
    if calibration is not None:
        limit = None if images is None and labels is not None else pictures.CALIBRATION_PICTURES
        calibration = pictures.gather(calibration, model, names, "calibration", limit=limit)
    elif row.calibrated and not is_quantization_aware(model):
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
    if calibration is not None:
        notes += pictures.compare_ranges(calibration, images)
    return calibration and pictures.thin(calibration), images, labels, notes


def _digest(model):
    """Of all weights, so that a file can be traced to its checkpoint."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _guessed(calibration, images, notes):
    """How pixels from 0 to 255 become what the file takes, when the pictures fill a customary range."""
    given = calibration or (None if notes == (MADE_UP,) else images)
    if given is None or len(given) != 1:
        return None
    (values,) = given.values()
    found = schemes.picture_range(float(values.min()), float(values.max()))
    return found and metadata.normalization(*found)


def _check_names(names, original):
    classes = next(iter(original.values())).shape[-1]
    if names and len(original) == 1 and len(names) != classes:
        raise UserError(f"there are {len(names)} names for {classes} outputs.")


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
