"""The command `keras-cnns export`: a `.keras` file becomes a verified `.tflite` file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from keras_cnns.support import progress
from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.console import Json, print_json
from keras_cnns.support.errors import BadArgument, UnsupportedModel
from keras_cnns.support.streams import import_tensorflow

if TYPE_CHECKING:
    from keras_cnns.tflite.verify.report import Report

COMMON = (
    *("--scheme", "--dataset", "--out", "--target", "--app", "--preprocess", "--input-type"),
    *("--goal", "--max-drop", "--max-size"),
)  # what --help shows first


def export(
    model: str,
    /,
    *,
    out: str | None = None,
    scheme: str = "float32",
    dataset: str | None = None,
    data_dir: str | None = None,
    pictures: int = 200,
    preprocess: str | None = None,
    pixels: tuple[float, float] = (0.0, 255.0),
    input_type: str = "float32",
    output_type: str = "float32",
    batch: int = 1,
    head: str | None = None,
    explain: str | None = None,
    outputs: str | None = None,
    goal: Literal["fastest", "smallest"] | None = None,
    max_drop: float = 0.01,
    max_size: float | None = None,
    max_latency: float | None = None,
    max_milliseconds: float | None = None,
    ram: str | None = None,
    flash: str | None = None,
    error_avoided: Annotated[float | None, tyro.conf.arg(aliases=("--spare",))] = None,
    engine: str = "quantizer",
    target: str = "litert",
    app: Literal["android", "ios", "python", "web"] | None = None,
    force: bool = False,
    as_json: Json = False,
) -> None:
    """Converts a .keras file to .tflite, runs the result and compares it with the original before writing it.

    Args:
        model: the .keras file
        out: the .tflite file; by default beside the model, named after it and the scheme
        scheme: float32, float16, weight_only_int8, int8, ... or auto, which makes several files and writes the best,
            by the time or memory on the target if its tool is installed
        dataset: pictures to calibrate (split train) and to compare (split test), with classes, boxes or masks: digits,
            folder:PATH or a tensorflow-datasets name
        data_dir: the folder of tensorflow-datasets
        pictures: largest number of calibration pictures
        preprocess: for a model without preprocessing inside: unit (it takes 0 to 1), tf (-1 to 1), torch (ImageNet's
            mean and deviation), caffe (blue first, minus ImageNet's means) or none; the file then takes 0 to 255
        pixels: the same, as the model's values for black and white, such as 0 1
        input_type: float32, int8 or uint8
        output_type: float32, int8 or uint8
        batch: pictures per inference
        head: replaces the last operation: logits, softmax, argmax, top_k or parts
        explain: cam adds an output that shows where each class is seen (for networks that end in global pooling and a
            dense layer)
        outputs: kind of the outputs, which decides how they are compared: classifier, logits, multilabel, segmentation,
            classes, embedding or regression; by default detected from the end of the network
        goal: auto: fastest (the default) or smallest file within the limits
        max_drop: auto: largest drop of accuracy
        max_size: auto and weight_only_mixed: largest size, as a fraction of the float32 file's
        max_latency: auto: longest inference in LiteRT, as a fraction of the float32 file's
        max_milliseconds: auto: longest inference on the target, as its tool estimates it
        ram: auto: memory of the target, such as 256k
        flash: auto: flash memory of the target, such as 1M
        error_avoided: int8_float_mixed: fraction of int8's error to avoid with operators in float (default .75)
        engine: quantizer (LiteRT Quantizer) or converter (TensorFlow's own quantization)
        target: runtimes and chips that the file is meant for, with commas: litert, openvino, mediapipe, browser,
            tflite-micro, ethos-u55-128 ...; the file is written only if it works on all of them
        app: android, ios, python or web: also write the code that runs the file (NAME.kt, NAME.swift, NAME.py, or the
            folder NAME_web)
        force: write the file even if the comparison fails
    """
    _prepare(app)
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite import export as run
    from keras_cnns.tflite.file.convert import load
    from keras_cnns.tflite.settings import Limits

    network = load(model)
    with progress.step("reading the pictures"):
        data: dict[str, Any] = {} if dataset is None else _data(network, model, dataset, data_dir, pictures)
    data["preprocessing"] = _preprocessing(network, model, data, preprocess, pixels)
    types: dict[str, Any] = {"input_type": input_type, "output_type": output_type, "batch": batch}
    making: dict[str, Any] = {"engine": engine, "error_avoided": error_avoided, "target": target, "force": force}
    ends: dict[str, Any] = {"head": head, "explain": explain, "outputs": outputs}
    limits: dict[str, Any] = {"max_drop": max_drop, "max_size": max_size, "max_latency": max_latency}
    of_auto: dict[str, Any] = {"goal": goal, "max_milliseconds": max_milliseconds, "ram": ram, "flash": flash}
    if of_auto := {name: value for name, value in of_auto.items() if value is not None}:
        if scheme != "auto":
            flag = next(iter(of_auto)).replace("_", "-")
            raise BadArgument(f"--{flag} is for --scheme auto, which compares several files.")
        limits["limits"] = Limits(**limits, **of_auto)
    path = out or f"{Path(model).with_suffix('')}_{scheme}.tflite"
    settings = types | making | ends | limits | data
    report = run(network, path, scheme=scheme, layers=True, card=read_card(model), **settings)
    _finish(report, model, app, as_json)


def _prepare(app: str | None) -> None:
    """Loads TensorFlow; before that, checks that what the app needs is installed."""
    if app == "web":
        from keras_cnns.tflite.targets.litert_js import find_litert_js

        find_litert_js()
    import_tensorflow(returns_memory=True)


def _finish(report: "Report", model: str, app: str | None, as_json: bool) -> None:
    """Writes the report beside the file, what runs it if that is asked for, and prints the report."""
    from keras_cnns.tflite import print_reports

    write_json(Path(report.path).with_suffix(".report.json"), report.to_dict() | {"source": model})
    source = None
    if app:
        from keras_cnns.export_scripts import app_source

        source = app_source.write(report.path, app)
    if as_json:
        print_json(report.to_dict())
        return
    if not progress.is_quiet():
        print_reports([report])
    print(report.path, *([source] if source else []), sep="\n")


def _preprocessing(
    network: Any, model: str, data: dict[str, Any], preprocess: str | None, pixels: tuple[float, float]
) -> Any:
    """The layers before the network, or None. Where none are asked for, labels tell whether some are missing."""
    import keras

    from keras_cnns.export_scripts.pixel_scaling import check_scaling, scaling

    low, high = pixels
    if (low, high) != (0.0, 255.0):
        if preprocess is not None:
            raise BadArgument("--preprocess and --pixels both say what the model takes: give one of them.")
        return keras.layers.Rescaling((high - low) / 255, offset=low)
    if preprocess is not None:
        return scaling(preprocess, network)
    if data:
        check_scaling(network, model, data["images"], data["labels"])
    return None


def _data(network: Any, model: str, dataset: str, data_dir: str | None, pictures: int) -> dict[str, Any]:
    """The pictures, labels and names of a data set as `export` takes them: of classes, boxes or masks."""
    from keras_cnns.data import classes
    from keras_cnns.export_scripts.script import check_count, reader
    from keras_cnns.saving.card import read_card

    shapes = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0]:
        raise UnsupportedModel(
            f"{model} takes {', '.join(map(str, shapes))}, and --dataset supplies one picture of a fixed size "
            "(height, width, channels): export it from Python, with arrays for calibration= and images=."
        )
    card = read_card(model)
    read = reader(network, dataset, data_dir, card.view(), card.several_labels)
    calibration, _, _ = read("train", limit=pictures)
    images, labels, names = read("test", limit=None)
    classes.check(model, card.labels, dataset, names)
    check_count(network, model, dataset, names)
    return {"calibration": calibration, "images": images, "labels": labels, "names": names}
