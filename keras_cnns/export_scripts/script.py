"""What makes a page of export/ a command: a trained checkpoint goes in, verified files and a table come out."""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import tyro

from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.errors import UserError


@dataclass(frozen=True)
class Shipment:
    """How one trained network becomes its files. Every field is a flag of the page."""

    checkpoint: str  # the .keras file that a recipe left
    out: str  # folder of the .tflite files and report.json
    dataset: str = "digits"  # as in training: digits, a name of tensorflow-datasets, or folder:PATH
    data_dir: str | None = None  # where tensorflow-datasets keeps its files
    schemes: tuple[str, ...] = ("float32", "float16", "weight_only_int8", "int8")
    input_type: str = "uint8"  # of the files that compute in integers: a camera's bytes
    output_type: str = "float32"
    explain: str | None = None  # cam: where each class is seen, as one more output of the files
    calibration: int = 200  # pictures of the training split
    limit: int | None = None  # pictures of the held-out split to compare on; all by default
    crop_fraction: float = 1.0  # as in training
    qat_epochs: int = 0  # quantization-aware training before one more int8 file
    qat_learning_rate: float = 1e-4
    batch_size: int = 32
    force: bool = False  # hand failing files over all the same


IMAGENET = {"dataset": "imagenet2012", "crop_fraction": 0.875, "limit": 2000}
EVERY_PAGE = """
Every file is run and compared with the checkpoint on held-out pictures before it gets its name. The model takes pixels
from 0 to 255, so that an int8 file eats a camera's bytes; beside the fastest file lies a page with the lines of Kotlin
and Swift that feed it, and that draw the boxes or masks of a network that finds such."""


def of_run(folder, **fields):
    """The `Shipment` of what a recipe left in `folder`, into `folder`/tflite."""
    return Shipment(f"{folder}/model.keras", f"{folder}/tflite", **fields)


def run(shipment, args=None):
    """The main of a page: flags over `shipment`, then `ship`. Returns the exit status, 2 after a user's mistake."""
    try:
        said = (sys.modules["__main__"].__doc__ or "") + EVERY_PAGE
        shipment = tyro.cli(Shipment, default=shipment, args=args, description=said)
        from keras_cnns.support.streams import import_tensorflow

        import_tensorflow()
        reports = ship(shipment)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from keras_cnns.tflite.verify.report import print_reports

    print_reports(reports)
    print(f"{shipment.out}/")
    return 0


def ship(shipment):
    """Exports every scheme of a `Shipment`; returns the reports; they and `app.write`'s page stand beside the files.

    Raises:
      UserError: there is no such checkpoint or data set, or a file fails the comparison.
    """
    from keras_cnns.data import classes
    from keras_cnns.export_scripts import app_source
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite.export_file import export
    from keras_cnns.tflite.file.convert import load
    from keras_cnns.tflite.quantize.schemes import find

    s, folder = shipment, Path(shipment.out)
    rows = {scheme: find(scheme) for scheme in s.schemes}
    if not Path(s.checkpoint).is_file():
        raise UserError(f"there is no checkpoint {s.checkpoint}: run the recipe first, or give --checkpoint.")
    model, card = load(s.checkpoint), read_card(s.checkpoint)
    if not isinstance(model.input_shape, tuple) or None in model.input_shape[1:]:
        raise UserError(f"{s.checkpoint} takes {model.input_shape}: one picture of a fixed size is needed.")
    if s.qat_epochs and (task := output_kind(model)):
        raise UserError(f"{s.checkpoint} is a {task}, and qat_epochs trains classifiers: leave it at 0.")
    read = reader(model, s.dataset, s.data_dir, {"crop_fraction": s.crop_fraction})
    seen, _, _ = read("train", limit=s.calibration)
    images, labels, names = read("test", limit=s.limit)
    classes.check(s.checkpoint, card.labels, s.dataset, names)
    given = {"images": images, "labels": labels, "names": names, "card": card, "force": s.force}
    integers = {"input_type": s.input_type, "output_type": s.output_type}
    reports = [
        export(
            model,
            folder / f"{card.name or model.name}_{scheme}.tflite",
            scheme=scheme,
            calibration=seen,
            explain=s.explain,
            **(integers if row.integer_io else {}),
            **given,
        )
        for scheme, row in rows.items()
    ]
    if s.qat_epochs:
        path = folder / f"{card.name or model.name}_int8_qat.tflite"
        reports.append(export(_trained_further(model, seen, s), path, scheme="int8", **integers, **given))
    write_json(folder / "report.json", [report.to_dict() for report in reports])
    app_source.write(min(reports, key=lambda report: (report.status == "fail", report.latency_ratio)).path)
    return reports


def output_kind(model):
    """drawing.DETECTOR, drawing.SEGMENTER or None, by the shapes of the model's outputs."""
    from keras_cnns.inference import drawing

    return drawing.kind_of_outputs([x.shape[1:] for x in model.outputs], model.input_shape[1:3])


def reader(model, dataset, data_dir, view):
    """(split, limit) -> (pictures, labels or None, names), as the model's outputs need them: classes, boxes or masks.

    Args:
      model: with one picture of a fixed size as its input.
      dataset: digits, a tensorflow-datasets name, or folder:PATH.
      data_dir: where tensorflow-datasets keeps its data.
      view: how a classifier's pictures are cropped, see `data.read_picture`.
    """
    from keras_cnns.data.pipeline import load_arrays
    from keras_cnns.data.sources.sample import VOID
    from keras_cnns.inference import drawing

    (_, height, width, channels), task = model.input_shape, output_kind(model)
    if task is None:
        return partial(load_arrays, dataset, data_dir=data_dir, size=(height, width), channels=channels, **view)

    def read(split, limit):
        target: Literal["boxes", "mask"] = "boxes" if task == drawing.DETECTOR else "mask"
        options = {"size": (height, width), "limit": limit, "data_dir": data_dir}
        images, masks, names = load_arrays(dataset, split, target=target, **options)
        return images, None if target == "boxes" or (masks == VOID).any() else masks, names

    return read


def _trained_further(model, seen, s):
    """The model after a little training with int8's rounding in it, ranges from `seen`, statistics held."""
    import keras

    from keras_cnns.data.pipeline import load
    from keras_cnns.tflite.aware.api import quantization_aware
    from keras_cnns.tflite.rewrite.ends import ends_in_softmax

    (_, height, width, channels) = model.input_shape
    data = load(
        s.dataset, size=(height, width), channels=channels, batch_size=s.batch_size, data_dir=s.data_dir, split="train"
    )
    aware = quantization_aware(model, pictures=seen)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(model))
    aware.compile(keras.optimizers.Adam(s.qat_learning_rate), loss, jit_compile=False)
    aware.fit(data.dataset, epochs=s.qat_epochs, steps_per_epoch=data.steps, shuffle=False, verbose=0)
    return aware
