"""The form of the tables in this folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rules = list[tuple[str, Any]]
Arrays = dict[str, Any]


def as_they_are(tensors: Arrays) -> Arrays:
    """The tensors, unchanged."""
    return tensors


@dataclass(frozen=True)
class Names:
    """What other libraries ("origins") call the networks of one family, and their layers.

    Args:
      peers: {origin: {our name: the network's name there}}. A name may have options,
        "densenet201(block_config=(6, 12, 64, 48))", where the library has no name for exactly that network.
      rules: {origin: a function of the row that returns a list of (pattern, replacement) for `re.sub`}. They are
        applied one after the other to the other library's layer name ("conv_dw_1", "layer1.0.conv1"), and the result
        is the name of our layer. A replacement that ends in "/variable" names the variable too, and "" drops the layer
        (an auxiliary classifier). The rules leave our own names unchanged.
      columns: {origin or (origin, our name): columns of the row that differ for these weights}, such as numerics and
        preprocessing. Where it is empty, a row that follows Keras gets TORCH numerics for the other libraries.
      adapted: changes renamed arrays of a torch file, where a tensor holds more than ours.
    """

    peers: Mapping[str, Mapping[str, str]]
    rules: Mapping[str, Callable[[Any], Rules]]
    columns: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    adapted: Callable[[Arrays], Arrays] = as_they_are
