"""Facts about a torch file that its tensors do not show: from a `config.json` beside it, or from its name."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from keras_cnns.blocks.conv import KERAS, TORCH
from keras_cnns.blocks.preprocessing import of_unit_range
from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_json
from keras_cnns.weights import renaming, transformers_config

OTHERWISE = re.compile(r"aa|blur")  # networks with the tensors of ours that pool with antialiasing
ENDINGS = ("", ".safetensors", ".bin", ".pth", ".pt")


@dataclass(frozen=True)
class Beside:
    """Facts about a file.

    Args:
      columns: columns of the row that differ for its weights.
      origin: "timm" if the file is known to be timm's.
      labels: class names, if they are given.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    origin: str | None = None
    labels: tuple[str, ...] = ()


@cache
def timm() -> dict[str, Any]:
    """Names of networks in timm and torchvision; tests/weights/timm_table.py writes and explains them."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("timm.json").read_text())
    return table


def known(name: str, path: Path, net: Any = None, architecture: str = "") -> Beside:
    """The known facts about the weights at `path`: numerics, origin and class names.

    They come from the config.json of timm or transformers beside the file, or from the name of the file.

    Args:
      name: our name of the network that the weights are for.
      path: the file or folder.
      net: the row of the model, if it is not the published one.
      architecture: the name of the network that a training checkpoint holds.

    Raises:
      UserError: config.json cannot be read; or the weights are of another network, by config.json or the file's name.
    """
    path = Path(path)
    config = (path if path.is_dir() else path.parent) / "config.json"
    if config.is_file() and path.suffix in ENDINGS:
        try:
            content = read_json(config)
        except (OSError, ValueError) as error:
            raise UnreadableFile(f"cannot read {config}, which lies beside the weights: {error}.") from error
        if isinstance(content, dict) and isinstance(content.get("architecture"), str):
            return _of_config(name, content, config, net or entry(name).variant)
        if isinstance(content, dict) and isinstance(content.get("model_type"), str):
            columns, labels = transformers_config.read(name, content, config)
            return Beside(columns, "transformers", labels)
    check_name(name, path.name)
    for folder in _telling_folders(path):
        if other := _antialiased(folder):
            raise UnreadableFile(f"{path} lies in a folder that is named after {other}, another network than {name}.")
    if architecture and entry(name).task == "classification":
        check_name(name, architecture, f"{path} says that it holds weights of {{}}")
        if recipe := called(architecture):
            return _of(name, *recipe)
    recipe = called(path.name)
    return _of(name, *recipe) if recipe else Beside()


def _telling_folders(path: Path) -> list[str]:
    """The names of the folder of a file, and of the model's folder in the cache of the Hugging Face hub."""
    cached = [folder.name for folder in path.parents if folder.name.startswith("models--")]
    return [path.parent.name, *cached]


def _antialiased(text: str) -> str:
    """The network in a name that has the tensors of one of ours and pools with antialiasing; "" if there is none."""
    for name in timm()["architectures"]:
        if OTHERWISE.search(name) and re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", text.lower()):
            return str(name)
    return ""


def _of_config(name: str, content: dict[str, Any], config: Path, net: Any) -> Beside:
    own = content.get("pretrained_cfg")
    row = own if isinstance(own, dict) else content
    architecture, _, tag = content["architecture"].partition(".")
    published, width = _without_width(_current(architecture).split(".")[0])
    if name not in timm()["architectures"].get(published, []):
        raise UnreadableFile(
            f"{config} says that these are weights of {content['architecture']!r}, which is not known to compute what "
            f"{name} computes: if it does, move that file away and set what differs (numerics=, preprocessing=)."
        )
    if width is not None and width != net.width:
        raise UnreadableFile(f"{config} says that these are weights of {architecture!r}: set width={width:g}.")
    beside = _of(name, published if width is not None else architecture, row.get("tag") or tag)
    mean, std = row.get("mean"), row.get("std")
    if mean is not None and std is not None:
        try:
            valid = min(std) > 0 and len(mean) == len(std)
            pixels = of_unit_range(mean, std) if valid else None
        except (TypeError, ValueError):
            valid = False
        if not valid:
            raise UnreadableFile(f"{config} has no valid mean and std: {mean!r}, {std!r}.")
        beside.columns["preprocessing"] = pixels
    labels = content.get("label_names") or row.get("label_names") or ()
    return Beside(beside.columns, "timm", tuple(map(str, labels)) if isinstance(labels, list) else ())


def _without_width(architecture: str) -> tuple[str, float | None]:
    """timm's "mobilenetv2_050" as the network of width 1 and its width multiplier, 0.5; None for other names."""
    match = re.fullmatch(r"((?:tf_)?(?:mobilenetv\d|mnasnet)\w*)_(\d{3})", architecture)
    if match is None or architecture in timm()["architectures"]:
        return architecture, None
    return f"{match[1]}_100", int(match[2]) / 100


def check_name(name: str, file: str, claim: str = "") -> None:
    """Raises UserError if a file is named after another network, such as resnetblur50-84f4748f.pth for resnet50_v1_5.

    Some of those networks have the same tensors, but different outputs.

    Args:
      name: our name of the network.
      file: the name of the file, or that of a network.
      claim: how the message begins, with {} for the other network; by default that the file is named after it.
    """
    stem = _stem(file).lower()
    ours = {name} | {(renaming.peer(name, origin) or "").partition("(")[0] for origin in renaming.ORIGINS}
    ours |= {a for a, of in timm()["architectures"].items() if name in of and not OTHERWISE.search(a)}
    ours |= {old for old, now in timm()["old"].items() if now.split(".")[0] in ours}
    ours |= {theirs.partition("(")[0] for theirs in (renaming.peer(name, "efficientnet_pytorch"),) if theirs}
    if name not in timm()["architectures"].get(name, [name]):
        ours.remove(name)  # torchvision and timm call another network so
    every = {name, *ours, *timm()["architectures"], *timm()["old"], *timm()["others"]}
    longest = max((n for n in every if _begins(stem, n)), key=len, default=None)
    other = _antialiased(stem) or (longest if longest is not None and longest not in ours else "")
    if other:
        claim = claim or f"{file} is named after {{}}"
        here = timm()["architectures"].get(other, [])
        also = f" ({here[0]} here)" if here and here[0] != other and not OTHERWISE.search(other) else ""
        raise UnreadableFile(
            f"{claim.format(other)}{also}, another network than {name}: rename the file if it does hold weights of "
            f"{name}."
        )
    if name.endswith("_v1_5") and (word := re.search(r"caffe|msra", stem)):
        raise UnreadableFile(
            f"{file} is named after {word[0]}, whose networks have the stride of {name.removesuffix('_v1_5')}: rename "
            f"the file if it does hold weights of {name}."
        )


def called(file: str) -> tuple[str, str] | None:
    """(architecture, tag) in the name of a file, as timm and its hub write them; None if there is neither."""
    stem = _stem(file)
    names = sorted([*timm()["architectures"], *timm()["old"]], key=len, reverse=True)
    name = next((n for n in names if _begins(stem, n)), None)
    if name is None or not (name.startswith("tf_") or stem.partition(".")[2] or name in timm()["old"]):
        return None  # "resnet18.pth" may be torchvision's
    now, _, tag = _current(name).partition(".")
    rest = stem.removeprefix(name).lstrip(".-_")
    tags = [key.partition(".")[2] for key in timm()["pixels"] if key.startswith(f"{now}.")]
    return now, tag or next((t for t in tags if rest and (t == rest or t.startswith(f"{rest}_"))), "")


def _stem(file: str) -> str:
    """The name of a file without its ending and the hash that publishers append."""
    return re.sub(r"-[0-9a-f]{8}$", "", re.sub(r"\.(safetensors|pth|pt|bin|tar)$", "", file))


def _begins(stem: str, name: str) -> bool:
    """Whether the name of a file begins with the name of a network, as a whole word."""
    return stem == name or stem.startswith((f"{name}.", f"{name}-", f"{name}_"))


def _of(name: str, architecture: str, tag: str) -> Beside:
    now, _, old = _current(architecture).partition(".")
    if name not in timm()["architectures"].get(now, []):
        return Beside()
    peer = (renaming.peer(name, "timm") or "").partition("(")[0]
    columns = dict(renaming.columns(name, "timm"))
    if now != peer:
        columns["numerics"] = KERAS if now.startswith("tf_") else TORCH
        if OTHERWISE.search(now):
            raise UnreadableFile(f"these are weights of {now}, which pools differently from {name}.")
    pixels = timm()["pixels"].get(f"{now}.{tag or old}")
    if pixels:
        columns["preprocessing"] = pixels if isinstance(pixels, str) else of_unit_range(*pixels)
    return Beside(columns, "timm")


def _current(name: str) -> str:
    """The present name of a network that timm has renamed."""
    current: str = timm()["old"].get(name, name)
    return current


def ambiguous(name: str) -> list[tuple[str, str]]:
    """(architecture, pixels) of all recipes of timm whose weights have the tensors of the network `name`."""
    rows: dict[tuple[str, str], None] = {}
    for architecture, ours in timm()["architectures"].items():
        if name in ours and not OTHERWISE.search(architecture):
            sets = [v for key, v in timm()["pixels"].items() if key.split(".")[0] == architecture]
            rows |= {(architecture, str(v)): None for v in sets}
    return list(rows)
