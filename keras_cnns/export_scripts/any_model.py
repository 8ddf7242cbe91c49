"""A `.keras` file and a folder of pictures, nothing else known: what export/any_model.py runs."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from keras_cnns.support.errors import UnreadableFile, UnsupportedModel, UserError

if TYPE_CHECKING:
    from keras_cnns.tflite.verify.report import Report


@dataclass(frozen=True)
class Flags:
    """The flags of the script."""

    model: tyro.conf.Positional[Path]  # the .keras file
    pictures: tyro.conf.Positional[Path]  # a folder of pictures, or of a folder for each class
    out: Path | None = None  # the .tflite file; by default beside the model
    scheme: str = "auto"  # auto, or one of keras_cnns.tflite.SCHEMES
    max_drop: float = 0.01  # auto: largest drop of accuracy
    pixels: Annotated[tuple[float, float], tyro.conf.arg(metavar="BLACK WHITE")] = (0.0, 255.0)  # the model's values
    input_type: str = "float32"  # float32, or for integer files uint8 or int8
    explain: str | None = None  # cam: one more output that shows where each class is seen
    limit: int = 400  # pictures to use, spread evenly over the folder
    force: bool = False  # write the file even if it fails the comparison


def run(args: Sequence[str] | None = None) -> int:
    """The main function of the script.

    Returns:
      The exit status: 0, or 2 after an error in one line.
    """
    try:
        flags = tyro.cli(Flags, args=args, description=sys.modules["__main__"].__doc__)
        from keras_cnns.support.streams import import_tensorflow

        import_tensorflow(returns_memory=True)
        report = ship(flags)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from keras_cnns.tflite.verify.report_tables import print_reports

    print_reports([report])
    print(report.path)
    return 0


def ship(flags: Flags) -> "Report":
    """Exports as the flags say, writes the app code beside the file, and returns the report.

    Raises:
      UserError: the model or the folder cannot be used, or no file passes the comparison.
    """
    import keras

    from keras_cnns.export_scripts import app_source
    from keras_cnns.saving.card import read_card
    from keras_cnns.tflite.export_file import export
    from keras_cnns.tflite.file.convert import load

    model = load(flags.model)
    shape = tuple(model.inputs[0].shape[1:])
    if len(model.inputs) != 1 or len(shape) != 3 or None in shape:
        raise UnsupportedModel(
            f"{flags.model} takes {[tuple(t.shape) for t in model.inputs]}: one picture of a fixed size is needed."
        )
    card = read_card(flags.model)
    images, folders, folder_names = read_folder(flags.pictures, shape, flags.limit, card.view())
    labels, names = as_model_classes(folders, folder_names, card.labels, model.outputs[0].shape[-1])
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


def as_model_classes(
    labels: np.ndarray | None, names: tuple[str, ...], known: tuple[str, ...], classes: int
) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """The folders' labels and names as the model's classes; (None, None) if the folders are not its classes.

    Args:
      labels: of the pictures, numbers of the folders; None if the pictures are not in folders.
      names: of the folders.
      known: the labels in the model's file, in the order of its outputs; without them, the folders are the classes if
        there are as many.
      classes: how many outputs the model has.
    """
    if labels is None or not (set(names) <= set(known) if known else len(names) == classes):
        return None, None
    if not known:
        return labels, names
    numbers = np.array([known.index(name) for name in names])
    return numbers[labels], tuple(known)


def read_folder(
    folder: str | Path, shape: tuple[int, ...], limit: int, view: dict[str, Any] | None = None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """The pictures in `folder` and in the folders in it.

    Args:
      folder: of pictures, or of a folder for each class.
      shape: (height, width, channels) of the pictures to return.
      limit: pictures at most, spread evenly.
      view: how they are cropped, see `data.read_picture`.

    Returns:
      Pixels 0 .. 255 [N, *shape]; labels [N], or None if not every picture is in a folder of its own; the names.

    Raises:
      UnreadableFile: there is no such folder, it has fewer than four pictures, or one of them is broken.
    """
    from keras_cnns.data.pictures import read_picture
    from keras_cnns.data.sources import walk

    folder = Path(folder)
    if not folder.is_dir():
        raise UnreadableFile(f"there is no folder {folder}.")
    files = walk.pictures(folder)
    if len(files) < 4:
        raise UnreadableFile(f"{folder} holds {len(files)} pictures: dozens are needed, to calibrate and to compare.")
    # evenly over the folder; neighbours form pairs, one to calibrate and one to compare
    chosen = np.unique(np.linspace(0, len(files) - 1, min(limit, len(files))).round().astype(int))
    files = [files[i] for i in chosen]
    images = np.stack([read_picture(path, shape, **(view or {})) for path in files])
    names = tuple(sorted({path.relative_to(folder).parts[0] for path in files if path.parent != folder}))
    if not names or any(path.parent == folder for path in files):
        return images, None, ()
    return images, np.array([names.index(path.relative_to(folder).parts[0]) for path in files]), names
