"""What is known of a file of torch's beside its tensors: the `config.json` of timm's hub, or the file's own name."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from keras_cnns.blocks.conv import KERAS, TORCH
from keras_cnns.blocks.preprocessing import of_unit_range
from keras_cnns.support.atomic_files import read_json
from keras_cnns.support.errors import UserError
from keras_cnns.weights import names as renames


@dataclass(frozen=True)
class Beside:
    """columns: what has to be built otherwise. origin: "timm" where it is known. labels: class names, where given."""

    columns: dict = field(default_factory=dict)
    origin: str | None = None
    labels: tuple = ()


@cache
def timm():
    """timm's names: see tests/weights/timm_table.py, which writes them."""
    return json.loads(files(__package__).joinpath("timm.json").read_text())


def known(name, path) -> Beside:
    """What lies beside the weights at `path` of the network called `name`, or is said by the file's name.

    Raises:
      UserError: config.json cannot be read, or names a network that computes something else with the same tensors.
    """
    path = Path(path)
    config = (path if path.is_dir() else path.parent) / "config.json"
    if config.is_file() and path.suffix in ("", ".safetensors", ".bin", ".pth", ".pt"):
        try:
            said = read_json(config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {config}, which lies beside the weights: {error}.") from error
        if isinstance(said, dict) and isinstance(said.get("architecture"), str):
            return _of_config(name, said, config)
    found = called(path.name)
    return _of(name, *found) if found else Beside()


def _of_config(name, said, config):
    own = said.get("pretrained_cfg")
    row = own if isinstance(own, dict) else said
    architecture, _, tag = said["architecture"].partition(".")
    if name not in timm()["architectures"].get(_current(architecture).split(".")[0], []):
        raise UserError(
            f"{config} says that these are weights of {said['architecture']!r}, which is not known to compute what "
            f"{name} does: where it does, move that file away and say what differs (numerics=, preprocessing=)."
        )
    found = _of(name, architecture, row.get("tag") or tag)
    mean, std = row.get("mean"), row.get("std")
    if mean is not None and std is not None:
        try:
            finite = min(std) > 0 and len(mean) == len(std)
            pixels = of_unit_range(mean, std) if finite else None
        except (TypeError, ValueError):
            finite = False
        if not finite:
            raise UserError(f"{config} has no sensible mean and std: {mean!r}, {std!r}.")
        found.columns["preprocessing"] = pixels
    labels = said.get("label_names") or row.get("label_names") or ()
    return Beside(found.columns, "timm", tuple(map(str, labels)) if isinstance(labels, list) else ())


def called(file):
    """(architecture, tag) of a file's name, as timm and its hub write them, or `None`."""
    stem = re.sub(r"-[0-9a-f]{8}$", "", re.sub(r"\.(safetensors|pth|pt|bin|tar)$", "", file))
    names = sorted([*timm()["architectures"], *timm()["old"]], key=len, reverse=True)
    found = next((n for n in names if stem == n or stem.startswith((f"{n}.", f"{n}-", f"{n}_"))), None)
    if found is None or not (found.startswith("tf_") or stem.partition(".")[2] or found in timm()["old"]):
        return None  # "resnet18.pth" may be torchvision's
    now, _, tag = _current(found).partition(".")
    said = stem.removeprefix(found).lstrip(".-_")
    tags = [key.partition(".")[2] for key in timm()["pixels"] if key.startswith(f"{now}.")]
    return now, tag or next((t for t in tags if said and (t == said or t.startswith(f"{said}_"))), "")


def _of(name, architecture, tag):
    now, _, old = _current(architecture).partition(".")
    if name not in timm()["architectures"].get(now, []):
        return Beside()
    peer = (renames.peer(name, "timm") or "").partition("(")[0]
    columns = dict(renames.columns(name, "timm"))
    if now != peer:
        columns["numerics"] = KERAS if now.startswith("tf_") else TORCH
        if "aa" in now or "blur" in now:
            raise UserError(f"these are weights of {now}, which pools otherwise than {name} does.")
    pixels = timm()["pixels"].get(f"{now}.{tag or old}")
    if pixels:
        columns["preprocessing"] = pixels if isinstance(pixels, str) else of_unit_range(*pixels)
    return Beside(columns, "timm")


def _current(name):
    return timm()["old"].get(name, name)


def ambiguous(name):
    """What weights of the network may have been trained with, where tensors of one shape come from several recipes."""
    rows = {}
    for architecture, ours in timm()["architectures"].items():
        if name in ours and not re.search(r"aa|blur", architecture):
            sets = [v for key, v in timm()["pixels"].items() if key.split(".")[0] == architecture]
            rows |= {(architecture, str(v)): None for v in sets}
    return list(rows)
