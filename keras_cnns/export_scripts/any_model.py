"""A `.keras` file and a folder of pictures, nothing else known: what export/any_model.py does."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from keras_cnns.support.errors import UserError


@dataclass(frozen=True)
class Flags:
    """What is asked for."""

    model: tyro.conf.Positional[Path]  # the .keras file
    pictures: tyro.conf.Positional[Path]  # a folder of pictures, or of one folder for each class
    out: Path | None = None  # the .tflite file; beside the model by default
    scheme: str = "auto"  # or one of keras_cnns.tflite.SCHEMES
    max_drop: float = 0.01  # what `auto` may lose
    pixels: Annotated[tuple[float, float], tyro.conf.arg(metavar="BLACK WHITE")] = (0.0, 255.0)
    input_type: str = "float32"  # uint8: bytes, for schemes that compute in integers
    explain: str | None = None  # cam: where each class is seen, as one more output
    limit: int = 400  # pictures, spread evenly
    force: bool = False  # hand a failing file over all the same


def run(args=None):
    """The main of the page. Returns the exit status, 2 after a user's mistake."""
    try:
        flags = tyro.cli(Flags, args=args, description=sys.modules["__main__"].__doc__)
        from keras_cnns.support.streams import import_tensorflow

        import_tensorflow()
        report = ship(flags)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from keras_cnns.tflite.verify.report import print_reports

    print_reports([report])
    print(report.path)
    return 0


def ship(flags):
    """Exports as the flags say, with `app.write`'s page beside the file; returns the report.

    Raises:
      UserError: the model or the folder cannot be used, or no file is good enough.
    """
    import keras

    from keras_cnns.export_scripts import app_source
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite.export_file import export
    from keras_cnns.tflite.file.convert import load

    model = load(flags.model)
    shape = tuple(model.inputs[0].shape[1:])
    if len(model.inputs) != 1 or len(shape) != 3 or None in shape:
        raise UserError(
            f"{flags.model} takes {[tuple(t.shape) for t in model.inputs]}: one picture of a fixed size is needed."
        )
    card = read_card(flags.model)
    images, labels, names = read_folder(flags.pictures, shape, flags.limit, card.view())
    labels, names = of_model(labels, names, card.labels, model.outputs[0].shape[-1])
    low, high = flags.pixels
    scaling = None if (low, high) == (0, 255) else keras.layers.Rescaling((high - low) / 255, offset=low)
    report = export(
        model,
        flags.out or flags.model.with_suffix(".tflite"),
        scheme=flags.scheme,
        max_drop=flags.max_drop,
        calibration=images[0::2],
        images=images[1::2],
        labels=None if labels is None else labels[1::2],
        names=names,
        preprocessing=scaling,
        input_type=flags.input_type,
        explain=flags.explain,
        force=flags.force,
    )
    app_source.write(report.path)
    return report


def of_model(labels, names, known, classes):
    """The folders' labels and names as the model's classes; nothing where the folders are no classes of the model.

    known: the labels in the model's file, which say where each class stands; without them there have to be as many
      folders as the model has classes.
    """
    if labels is None or not (set(names) <= set(known) if known else len(names) == classes):
        return None, None
    if not known:
        return labels, names
    places = np.array([tuple(known).index(name) for name in names])
    return places[labels], tuple(known)


def read_folder(folder, shape, limit, view=None):
    """(pixels 0 .. 255 [N, *shape], labels [N] or None, names): the pictures in `folder`, or in its folders.

    view: how they are cut, see `data.read_picture`.

    Raises:
      UserError: there is no such folder, there are too few pictures in it, or one of them is broken.
    """
    from keras_cnns.data.pictures import read_picture
    from keras_cnns.data.sources import walk

    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}.")
    files = walk.pictures(folder)
    if len(files) < 4:
        raise UserError(f"{folder} holds {len(files)} pictures: some dozens are needed to calibrate and to compare.")
    # evenly over the folder, in pairs that stand together: one to calibrate, one to compare
    keep = np.unique(np.linspace(0, len(files) - 1, min(limit, len(files))).round().astype(int))
    files = [files[i] for i in keep]
    images = np.stack([read_picture(path, shape, **(view or {})) for path in files])
    names = tuple(sorted({path.relative_to(folder).parts[0] for path in files if path.parent != folder}))
    if not names or any(path.parent == folder for path in files):
        return images, None, ()
    return images, np.array([names.index(path.relative_to(folder).parts[0]) for path in files]), names
