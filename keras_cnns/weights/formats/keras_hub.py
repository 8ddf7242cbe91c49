"""Preset folders of KerasHub (`backbone.save_to_preset(folder)`): a configuration and the weights it describes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from keras_cnns.blocks.preprocessing import Preprocessing, named
from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.hdf5_files import check_hdf5
from keras_cnns.support.untrusted import read_json
from keras_cnns.weights.formats import hdf5
from keras_cnns.weights.formats.folders import parts

WEIGHTS = ("model.weights.h5", "model.weights.json")  # one file, or the index of several


@dataclass(frozen=True)
class Preset:
    """A preset, read.

    Args:
      folder: where it lies.
      backbone: the class of the backbone, such as "ResNetBackbone".
      config: the configuration of the backbone.
      arrays: {"layer/number": array} of the backbone and of the classifier.
      task: the configuration of the classifier, {} if there is none.
      pixels: the preprocessing of its image converter: a `Preprocessing`, or the name of a known one; None if the
        preset has no image converter.
    """

    folder: Path
    backbone: str
    config: dict[str, Any]
    arrays: dict[str, Any]
    task: dict[str, Any] = field(default_factory=dict)
    pixels: Preprocessing | str | None = None


def folder_of(path: Path) -> Path | None:
    """The preset folder that `path` is, or lies in; None if it is not part of one."""
    folder = path if path.is_dir() else path.parent
    if not (folder / "config.json").is_file() or (path.is_file() and path.name not in WEIGHTS):
        return None
    try:
        config = read_json(folder / "config.json")
    except (OSError, ValueError):
        return None
    is_preset = isinstance(config, dict) and str(config.get("module")).startswith("keras_hub.")
    return folder if is_preset else None


def read(folder: Path) -> Preset:
    """Reads a preset folder.

    Raises:
      UserError: a file is missing or damaged, or the preset pools otherwise than by the mean.
    """
    class_name, config = _described(folder / "config.json")
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise UnreadableFile(f"{folder} is a preset of KerasHub without {WEIGHTS[0]}: fetch it too.")
    arrays: dict[str, Any] = {}
    several = parts(weights)
    names = hdf5.names_in(several) if len(several) > 1 else {}
    for part in several:
        arrays |= _arrays(part, names)
    task: dict[str, Any] = {}
    if (folder / "task.json").is_file() and (folder / "task.weights.h5").is_file():
        _, task = _described(folder / "task.json")
        arrays |= _arrays(folder / "task.weights.h5", {})
        if task.get("pooling") == "max":
            raise UnreadableFile(
                f"{folder} is a preset whose classifier pools the maximum, which no network here does."
            )
    return Preset(folder, class_name, config, arrays, task, _pixels(folder))


def _described(path: Path) -> tuple[str, dict[str, Any]]:
    """(class, configuration) in a JSON file of a preset."""
    try:
        content = read_json(path)
        class_name, config = content["class_name"], content["config"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UnreadableFile(f"cannot read {path}, which should describe the preset: {first_line(error)}.") from error
    if not isinstance(class_name, str) or not isinstance(config, dict):
        raise UnreadableFile(f"cannot read {path}: it has no class_name and config.")
    return class_name, config


def _arrays(path: Path, names: dict[str, str]) -> dict[str, Any]:
    try:
        with h5py.File(path) as file:
            check_hdf5(file, str(path))
            return _named(file, path, names)
    except OSError as error:
        raise UnreadableFile(f"{path} is cut short or damaged: {first_line(error)}. Fetch it again.") from error


def _named(file: h5py.File, path: Path, names: dict[str, str]) -> dict[str, Any]:
    """The variables of all layers, also of those inside KerasHub's own layers."""
    arrays: dict[str, Any] = {}
    values = hdf5.Values()

    def collect(group_name: str, group: Any) -> None:
        if not re.fullmatch(r"layers/(.+/)?vars", group_name) or "seed_generator" in group_name or not len(group):
            return
        name = group.attrs.get("name") or names.get(group_name)
        if not name:
            raise UnreadableFile(f"{path} carries no names of layers: save the preset again with Keras 3.10 or newer.")
        for number, value in group.items():
            arrays[f"{hdf5.flat(str(name))}/{number}"] = values.of(value)

    file.visititems(collect)
    return arrays


def _pixels(folder: Path) -> Preprocessing | str | None:
    """What the image converter of a preset does to pixels 0..255: pixels * scale + offset."""
    if not (folder / "image_converter.json").is_file():
        return None
    _, config = _described(folder / "image_converter.json")
    scale, offset = config.get("scale"), config.get("offset")
    try:
        scale, offset = _numbers(1.0 if scale is None else scale), _numbers(0.0 if offset is None else offset)
    except (TypeError, ValueError):
        raise UnreadableFile(f"{folder / 'image_converter.json'} has no valid scale and offset.") from None
    return named(Preprocessing(scale=scale, offset=offset))


def _numbers(value: Any) -> Any:
    """A float, or a tuple of three."""
    if isinstance(value, list):
        numbers = tuple(float(v) for v in value)
        if len(numbers) not in (1, 3):
            raise ValueError("neither one nor three numbers")
        return numbers if len(numbers) == 3 else numbers[0]
    return float(value)
