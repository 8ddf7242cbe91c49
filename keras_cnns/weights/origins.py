"""Which library's names the tensors of a torch file have, and which part of them is the network."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.blocks.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from keras_cnns.registry.registry import entry, registry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.weights import renaming, several
from keras_cnns.weights.classifier import adopt
from keras_cnns.weights.names.table import Arrays

TORCH = ("torchvision", "timm", "efficientnet_pytorch", "transformers", "detectron2", "yolox")
SHARE = 0.15  # of all tensors, at least, in a part that may be the network


@dataclass(frozen=True)
class Part:
    """The part of a file that is the network.

    Args:
      origin: the library whose names its tensors have.
      arrays: {our path: array}.
      notes: sentences about what was chosen, for a warning.
      has_classifier: whether the part has a classifier that fits the network.
    """

    origin: str
    arrays: Arrays
    notes: list[str]
    has_classifier: bool


def recognised(name: str, arrays: Arrays, source: object, net: Any = None) -> Part:
    """The part of `arrays` that is the network `name`, under the names of our layers.

    A wrapper puts a prefix before the names ("module.", "backbone.encoder."). The prefix after which the rename tables
    know most names is taken. If the file has several networks, such as the student and the teacher of a distillation,
    it is the one with the layers of `name`; if several have them, `several.choose` decides.

    Raises:
      UserError: no library that writes torch files has this network, or the file has several networks of this kind.
    """
    origins = [o for o in TORCH if name in registry() and renaming.peer(name, o)]
    if not origins:
        raise UnreadableFile(
            f"{source} is a file of torch, and none of the libraries that are known here ({', '.join(TORCH)}) has "
            f"{name!r}."
        )
    network, row = entry(name), net or entry(name).variant
    parts = _parts(name, arrays, origins, row)
    most = parts[0].known
    tied = [part for part in parts if part.known == most and part.origin == parts[0].origin]
    chosen, ignored = several.choose(several.fitting(network, row, tied, parts), source)
    prefix = chosen.prefix
    beside = {path: value for path, value in arrays.items() if not path.startswith(prefix)}
    renamed, has_classifier, taken = adopt(network, row, chosen.renamed, beside=beside if len(tied) == 1 else None)
    beside = {path: value for path, value in beside.items() if path.rpartition("/")[0] not in taken}
    notes = _notes(prefix, ignored, beside)
    if statistics := _pixel_statistics(arrays):
        notes.append(
            f"its network prepares pixels itself ({statistics}), which is ignored: set preprocessing= to do the same."
        )
    return Part(chosen.origin, renamed, notes, has_classifier)


def _parts(name: str, arrays: Arrays, origins: list[str], net: Any) -> list[several.Candidate]:
    """The tensors after each prefix as each origin names them; those of which most names are known come first."""
    candidates = []
    for prefix in _prefixes(arrays):
        part = {path.removeprefix(prefix): value for path, value in arrays.items() if path.startswith(prefix)}
        for origin in origins:
            renamed = renaming.rename(name, part, origin, net)
            known = len(part) - sum("." in path or path in part for path in renamed)
            candidates.append(several.Candidate(prefix, origin, part, renamed, known))
    return sorted(candidates, key=lambda candidate: -candidate.known)


def _notes(prefix: str, ignored: list[str], beside: Arrays) -> list[str]:
    """What was taken and what was ignored, if the file has more than the network. ignored: the same network again."""
    if ignored:
        return [f"{several.called(prefix)} was taken, {', '.join(map(several.called, ignored))} ignored."]
    depth = prefix.count(".")
    weights = [path for path, value in beside.items() if np.size(value) > 1]  # a count of steps is not worth a note
    parts = dict.fromkeys(".".join(path.replace("/", ".").strip(".").split(".")[:depth]) for path in weights)
    return [f"{prefix.rstrip('.')} was taken, {', '.join(list(parts)[:4])} beside it ignored."] if parts else []


def _pixel_statistics(arrays: Arrays) -> str:
    """The mean and standard deviation of pixels among the weights, as text; "" if there are none, or ImageNet's.

    A network that prepares pixels in its first step keeps them as buffers: "0.mean", "normalize.std", "pixel_mean".
    """
    usual = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    unusual = {}
    for path, value in arrays.items():
        path = path.replace("/", ".").strip(".")
        word = re.search(r"(?:^|[._])(mean|std)$", path)
        if word and np.size(value) == 3 and not np.allclose(np.ravel(value), usual[word[1]], atol=1e-3):
            unusual[path] = np.round(np.ravel(value).astype("float64"), 4).tolist()
    return ", ".join(f"{path} {value}" for path, value in unusual.items())


def _prefixes(arrays: Arrays) -> list[str]:
    """Beginnings of names, up to a dot, that at least SHARE of the names have; the shortest first."""
    counts: Counter[str] = Counter()
    for path in arrays:
        parts = path.partition("/")[0].split(".")
        counts.update(".".join(parts[:n]) + "." for n in range(1, min(len(parts), 6)))
    common = [prefix for prefix, count in counts.items() if count >= SHARE * len(arrays)]
    return ["", *sorted(common, key=lambda prefix: prefix.count("."))]
