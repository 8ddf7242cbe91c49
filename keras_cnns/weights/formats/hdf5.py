"""HDF5 files of Keras (`.h5`, `.weights.h5`, and the one inside a `.keras` file), as named arrays."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.hdf5_files import check_hdf5


def read(
    file: h5py.File, names: Mapping[str, str] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    """({"layer/number": array}, {layer: {}}) of a checked file, in either layout of Keras.

    Keras 1 and 2 write groups that are called after the layers. Keras 3 numbers groups and variables.

    names: {group: name of its layer}, where it is known from the description of the model. Before 3.10 Keras did not
      write the names into the file.
    """
    content = file.get("model_weights", file)
    if any(key.startswith("layer_names") for key in content.attrs):
        return _by_layer(content)
    return _by_number(content, names or {})


class Values:
    """The values of the data sets of a file. Each is read once: a file may name one any number of times."""

    def __init__(self) -> None:
        self._read: dict[int, np.ndarray] = {}

    def of(self, data: h5py.Dataset) -> np.ndarray:
        address = h5py.h5o.get_info(data.id).addr
        if address not in self._read:
            self._read[address] = np.asarray(data[()])
        return self._read[address]


def _by_layer(content: h5py.Group) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    arrays: dict[str, np.ndarray] = {}
    layers: dict[str, dict[str, Any]] = {}
    values = Values()
    for layer in _texts(content.attrs, "layer_names"):
        layers[layer] = {}
        variables = _texts(content[layer].attrs, "weight_names")
        owners = [name.split("/")[-2] if name.count("/") else layer for name in variables]
        if len(set(owners)) < 2:  # variables of the layer itself
            owners = [layer] * len(variables)
        numbers: Counter[str] = Counter()
        for owner, variable in zip(owners, variables, strict=True):  # a nested model has several layers
            layers.setdefault(owner, {})
            arrays[f"{flat(owner)}/{numbers[owner]}"] = values.of(content[layer][variable])
            numbers[owner] += 1
    return arrays, layers


def _by_number(
    content: h5py.Group, names: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    arrays: dict[str, np.ndarray] = {}
    layers: dict[str, dict[str, Any]] = {}
    values = Values()

    def collect(path: str, group: Any) -> None:
        if re.fullmatch(r"(layers/[^/]+/)+vars", path):  # not the seeds of a dropout
            name = group.attrs.get("name") or names.get(path, "")
            if len(group) and not name:
                raise UnreadableFile(
                    "the weights carry no names of layers: save the whole model (.keras), or its weights again with "
                    "Keras 3.10 or newer."
                )
            layers[name] = {}
            for variable, value in group.items():
                arrays[f"{flat(name)}/{variable}"] = values.of(value)

    content.visititems(collect)
    return arrays, layers


def names_in(paths: Iterable[Path]) -> dict[str, str]:
    """{group: name of its layer} in several files that share the weights: only the first of them names a layer."""
    names: dict[str, str] = {}

    def collect(path: str, group: Any) -> None:
        if path.endswith("vars") and "name" in group.attrs:
            names[path] = str(group.attrs["name"])

    for path in paths:
        with h5py.File(path) as file:
            check_hdf5(file, str(path))
            file.visititems(collect)
    return names


def flat(layer: str) -> str:
    """A layer's name without slashes, which Keras 2 allows ("expanded_conv/depthwise")."""
    return layer.replace("/", "_")


def groups(graph: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """(group in the file, name) of every layer of a described model.

    Keras calls a group after the layer's class and numbers those of one class. A Sequential model has no group for its
    input.
    """
    config, counts = graph.get("config"), Counter[str]()
    without = "InputLayer" if graph.get("class_name") == "Sequential" else None
    for row in config.get("layers", []) if isinstance(config, dict) else []:
        if not isinstance(row, dict) or row.get("class_name") == without:
            continue
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", str(row.get("class_name")))
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        group = f"{inside}layers/{kind}_{counts[kind]}" if counts[kind] else f"{inside}layers/{kind}"
        counts[kind] += 1
        own = row.get("config")
        yield f"{group}/vars", own.get("name", "") if isinstance(own, dict) else ""
        yield from groups(row, f"{group}/")


def _texts(attributes: Any, key: str) -> list[str]:
    """A list of names in attributes; Keras divides long lists into several."""
    keys = [key] if key in attributes else sorted((k for k in attributes if re.fullmatch(rf"{key}\d+", k)), key=len)
    return [n.decode() if isinstance(n, bytes) else str(n) for k in keys for n in attributes[k]]
