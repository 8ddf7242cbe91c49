"""What the scripts in export/ run: a trained checkpoint becomes verified `.tflite` files, a table and app code."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.errors import UnreadableFile, UnsupportedModel, UserError, memory_errors

if TYPE_CHECKING:
    import keras

    from keras_cnns.tflite.verify.report import Report

# (split, limit=pictures at most) -> (pictures, labels or masks or None, names of the classes)
Reader = Callable[..., tuple[Any, Any, tuple[str, ...]]]


@dataclass(frozen=True)
class Shipment:
    """The files to make from one trained network. Every field is a flag of the script.

    >>> Shipment("runs/demo/model.keras", "runs/demo/tflite", schemes=("float32", "int8")).calibration
    200
    """

    checkpoint: str  # the .keras file that a recipe wrote
    out: str  # folder for the .tflite files, report.json and the app code
    dataset: str = "digits"  # as in training: digits, a tensorflow-datasets name, or folder:PATH
    data_dir: str | None = None  # where tensorflow-datasets keeps its data
    schemes: tuple[str, ...] = ("float32", "float16", "weight_only_int8", "int8")  # a file for each
    input_type: str = "uint8"  # of integer files: float32, uint8 (a camera's bytes) or int8
    output_type: str = "float32"  # of integer files: float32, uint8 or int8
    explain: str | None = None  # cam: one more output that shows where each class is seen
    calibration: int = 200  # training pictures that calibrate the files
    limit: int | None = None  # held-out pictures to compare on; by default all
    crop_fraction: float | None = None  # of the side of a held-out picture; by default as in training
    qat_epochs: int = 0  # epochs of quantization-aware training for one more int8 file
    qat_learning_rate: float = 1e-4  # of that training
    batch_size: int = 32  # of that training
    force: bool = False  # write files even if they fail the comparison


IMAGENET: dict[str, Any] = {"dataset": "imagenet2012", "crop_fraction": 0.875, "limit": 2000}
EVERY_SCRIPT = """
Every file is run and compared with the checkpoint on held-out pictures before it is written. The model takes pixels
from 0 to 255, so an int8 file takes a camera's bytes as they are. Beside the fastest file, NAME.md holds the Kotlin and
the Swift code that runs it in an app and draws what it finds."""


def of_run(folder: str, **fields: Any) -> Shipment:
    """The `Shipment` of the checkpoint that a recipe wrote to `folder`, into `folder`/tflite."""
    return Shipment(f"{folder}/model.keras", f"{folder}/tflite", **fields)


def run(shipment: Shipment, args: Sequence[str] | None = None) -> int:
    """The main function of a script: reads the flags over `shipment`, exports, prints the table.

    Returns:
      The exit status: 0, or 2 after an error in one line.
    """
    try:
        description = (sys.modules["__main__"].__doc__ or "") + EVERY_SCRIPT
        shipment = tyro.cli(Shipment, default=shipment, args=args, description=description)
        from keras_cnns.support.streams import import_tensorflow

        import_tensorflow(returns_memory=True)
        reports = ship(shipment)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from keras_cnns.tflite.verify.report_tables import print_reports

    print_reports(reports)
    print(f"{shipment.out}/")
    return 0


@memory_errors()
def ship(shipment: Shipment) -> "list[Report]":
    """Exports a file for every scheme of `shipment`, and writes report.json and the app code beside them.

    Returns:
      The reports, in the order of the schemes; the one after quantization-aware training is last.

    Raises:
      UnreadableFile: there is no such checkpoint.
      UnsupportedModel: it does not take one picture of a fixed size, or has no quantization-aware training.
      UserError: there is no such scheme or data set, or a file fails the comparison.
    """
    from keras_cnns.data import classes
    from keras_cnns.export_scripts import app_source
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite.exporter import Exporter
    from keras_cnns.tflite.file.convert import load
    from keras_cnns.tflite.quantize.schemes import find
    from keras_cnns.tflite.quantize.settings import FileSettings
    from keras_cnns.tflite.settings import Description, Ends

    schemes = {name: find(name) for name in shipment.schemes}
    if not Path(shipment.checkpoint).is_file():
        raise UnreadableFile(f"there is no checkpoint {shipment.checkpoint}: run the recipe, or give --checkpoint.")
    model, card = load(shipment.checkpoint), read_card(shipment.checkpoint)
    _check_model(model, shipment)
    view = card.view() | ({} if shipment.crop_fraction is None else {"crop_fraction": shipment.crop_fraction})
    read = reader(model, shipment.dataset, shipment.data_dir, view, card.several_labels)
    calibration, _, _ = read("train", limit=shipment.calibration)
    images, labels, names = read("test", limit=shipment.limit)
    classes.check(shipment.checkpoint, card.labels, shipment.dataset, names)
    check_count(model, shipment.checkpoint, shipment.dataset, names)
    compared: dict[str, Any] = {"images": images, "labels": labels, "description": Description(names, card)}
    integer_io = FileSettings(input_type=shipment.input_type, output_type=shipment.output_type)
    start = Path(shipment.out) / (card.name or model.name)
    exporter = Exporter(model, calibration=calibration, ends=Ends(explain=shipment.explain), **compared)
    reports = []
    for name, scheme in schemes.items():
        settings = integer_io if scheme.integer_io else FileSettings()
        reports.append(exporter.export(f"{start}_{name}.tflite", name, settings, force=shipment.force))
    if shipment.qat_epochs:
        aware = Exporter(_trained_further(model, calibration, shipment), **compared)
        reports.append(aware.export(f"{start}_int8_qat.tflite", "int8", integer_io, force=shipment.force))
    write_json(Path(shipment.out) / "report.json", [report.to_dict() for report in reports])
    app_source.write(min(reports, key=lambda report: (report.status == "fail", report.latency_ratio)).path)
    return reports


def check_count(model: "keras.Model", file: str, dataset: str, names: Sequence[str]) -> None:
    """Checks that a classifier has as many outputs as a data set has classes; one output distinguishes two.

    Raises:
      UserError: it has not.
    """
    shape = model.outputs[0].shape
    if output_kind(model) or len(model.outputs) > 1 or len(shape) != 2 or not names:
        return
    if shape[-1] != len(names) and (shape[-1], len(names)) != (1, 2):
        plural = "" if shape[-1] == 1 else "s"
        raise UserError(f"{dataset} has {len(names)} classes, and {file} has {shape[-1]} output{plural}.")


def _check_model(model: "keras.Model", shipment: Shipment) -> None:
    if not isinstance(model.input_shape, tuple) or None in model.input_shape[1:]:
        raise UnsupportedModel(
            f"{shipment.checkpoint} takes {model.input_shape}: one picture of a fixed size is needed."
        )
    if shipment.qat_epochs and (task := output_kind(model)):
        raise UnsupportedModel(f"{shipment.checkpoint} is a {task}, and qat_epochs trains classifiers: leave it at 0.")


def output_kind(model: "keras.Model") -> str | None:
    """drawing.DETECTOR, drawing.SEGMENTER or None, by the shapes of the model's outputs."""
    from keras_cnns.inference import drawing

    return drawing.kind_of_outputs([x.shape[1:] for x in model.outputs], model.input_shape[1:3])


def reader(
    model: "keras.Model", dataset: str, data_dir: str | None, view: dict[str, Any], several: bool = False
) -> Reader:
    """(split, limit) -> (pictures, labels or None, names), as the model's outputs need them: classes, boxes or masks.

    Args:
      model: with one picture of a fixed size as its input.
      dataset: digits, a tensorflow-datasets name, or folder:PATH.
      data_dir: where tensorflow-datasets keeps its data.
      view: how a classifier's pictures are cropped, see `data.read_picture`.
      several: whether a classifier's pictures have any number of labels each.
    """
    from keras_cnns.data.pipeline import load_arrays
    from keras_cnns.data.sources.sample import VOID
    from keras_cnns.inference import drawing

    (_, height, width, channels), task = model.input_shape, output_kind(model)
    if task is None:
        options: dict[str, Any] = {"target": "labels" if several else "label", "channels": channels, **view}
        return partial(load_arrays, dataset, data_dir=data_dir, size=(height, width), **options)

    def read(split: str, limit: int | None) -> tuple[Any, Any, tuple[str, ...]]:
        target: Literal["boxes", "mask"] = "boxes" if task == drawing.DETECTOR else "mask"
        where: dict[str, Any] = {"size": (height, width), "limit": limit, "data_dir": data_dir}
        images, masks, names = load_arrays(dataset, split, target=target, **where)
        return images, None if target == "boxes" or (masks == VOID).any() else masks, names

    return read


def _trained_further(model: "keras.Model", calibration: Any, shipment: Shipment) -> Any:
    """The model after quantization-aware training: ranges from the calibration pictures, normalization unchanged."""
    import keras

    from keras_cnns.data.pipeline import load
    from keras_cnns.tflite.aware.api import quantization_aware
    from keras_cnns.tflite.rewrite.ends import ends_in_softmax

    (_, height, width, channels) = model.input_shape
    options: dict[str, Any] = {"size": (height, width), "channels": channels, "batch_size": shipment.batch_size}
    data = load(shipment.dataset, split="train", data_dir=shipment.data_dir, **options)
    aware = quantization_aware(model, pictures=calibration)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(model))
    aware.compile(keras.optimizers.Adam(shipment.qat_learning_rate), loss, jit_compile=False)
    aware.fit(data.dataset, epochs=shipment.qat_epochs, steps_per_epoch=data.steps, shuffle=False, verbose=0)
    return aware
