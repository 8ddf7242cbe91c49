"""Which network of a torch file is taken if it has several: a student and a teacher, a model and its average."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import Entry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.lazy_imports import layers
from keras_cnns.weights.classifier import head_layers
from keras_cnns.weights.formats.unwrap import AVERAGE
from keras_cnns.weights.names.table import Arrays

# The slowly following copies of MoCo, BYOL and their kin, whose authors evaluate the other network.
COPY = re.compile(r"encoder_k|momentum|(?<![a-z])target(?![a-z])", re.IGNORECASE)
SHARE = 0.2  # of the names that are known after the best prefix, at least, after that of another network


@dataclass(frozen=True, eq=False)
class Candidate:
    """A part of a file.

    Attributes:
      prefix: what its names begin with.
      origin: the library whose names it has.
      arrays: {name without the prefix: array}.
      renamed: the same under the names of our layers, as far as they are known.
      known: how many names are.
    """

    prefix: str
    origin: str
    arrays: Arrays
    renamed: Arrays
    known: int


def fitting(network: Entry, net: Any, tied: Sequence[Candidate], others: Sequence[Candidate]) -> list[Candidate]:
    """The parts of a file that are the network: all those with its layers. If none has, one with most known names.

    Of detectors and segmenters, all parts with most known names.

    Args:
      tied: the parts with most known names. Those inside of the first one are left out.
      others: all parts.
    """
    first = tied[0]
    tied = [first, *(part for part in tied[1:] if _disjoint(part, first))]
    beside = [part for part in others if _disjoint(part, first) and part.known >= SHARE * first.known > 0]
    if network.task != "classification" or not beside:
        return tied
    there = _layer_sizes(network, net)
    head = head_layers(network, net)
    best: dict[str, Candidate] = {}
    for part in (*tied, *beside):
        if _has_layers(part, there, head):
            best.setdefault(part.prefix, part)
    return list(best.values()) or [next((part for part in tied if AVERAGE.search(part.prefix)), first)]


def choose(parts: Sequence[Candidate], source: object) -> tuple[Candidate, list[str]]:
    """(the part that is taken, the prefixes of those that are ignored).

    It is the average of weights if there is one (EMA, SWA, the teacher of the same network), otherwise the only one
    that is no slowly following copy (MoCo's encoder_k).

    Raises:
      UserError: several parts are left, and they have different values.
    """
    distinct: list[Candidate] = []
    for part in parts:
        if not any(_equal(part.arrays, other.arrays) for other in distinct):
            distinct.append(part)
    alike = all(_shapes(part) == _shapes(parts[0]) for part in parts)
    averages = [part for part in distinct if AVERAGE.search(part.prefix)] if alike else []
    rest = averages or [part for part in distinct if not (alike and COPY.search(part.prefix))] or distinct
    if len(rest) > 1:
        names = " and ".join(called(part.prefix) for part in rest[:4])
        raise UnreadableFile(
            f"{source} holds several networks that fit, {names}: save one of them alone, {{k: v for k, v in "
            f"state_dict.items() if k.startswith({rest[0].prefix!r})}}."
        )
    return rest[0], [part.prefix for part in distinct if part is not rest[0]]


def called(prefix: str) -> str:
    """What messages call the part with this prefix."""
    return prefix.rstrip(".") or "the part without a prefix"


def _disjoint(part: Candidate, other: Candidate) -> bool:
    return not part.prefix.startswith(other.prefix) and not other.prefix.startswith(part.prefix)


def _layer_sizes(network: Entry, net: Any) -> dict[str, int]:
    """{layer: how many numbers its weights have}, 0 for the first one, since the input may have other channels."""
    model = assemble(network, net, classes=2, drawn=False)
    own = [layer for layer in model.layers if layer.weights and not isinstance(layer, layers.Normalization)]
    return {layer.name: int(sum(np.prod(v.shape) for v in layer.weights)) * (layer is not own[0]) for layer in own}


def _has_layers(part: Candidate, there: dict[str, int], head: Sequence[str]) -> bool:
    """Whether a part has the layers of a network, each with as many numbers. The classifier may be another."""
    sizes: Counter[str] = Counter()
    for path, value in part.renamed.items():
        sizes[path.partition("/")[0]] += int(np.size(value))
    strange = [layer for layer in sizes if layer not in there and "." not in layer]
    return not strange and all(
        sizes[layer] == count or not count for layer, count in there.items() if layer not in head
    )


def _shapes(part: Candidate) -> dict[str, tuple[int, ...]]:
    return {path: np.shape(value) for path, value in part.arrays.items()}


def _equal(arrays: Arrays, others: Arrays) -> bool:
    return arrays.keys() == others.keys() and all(
        np.array_equal(value, others[path], equal_nan=value.dtype.kind == "f") for path, value in arrays.items()
    )
