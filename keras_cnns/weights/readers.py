"""Files of weights as {"layer/variable": array}, whoever wrote them. Nothing in a file is ever run."""

import io
import json
import pickle
import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from keras_cnns.errors import UserError, first_line
from keras_cnns.weights import torch_files
from keras_cnns.weights.unwrap import plain, state_dict

SUFFIXES = (".h5", ".weights.h5", ".keras", ".safetensors", ".pth")


@dataclass(frozen=True)
class Tensors:
    """What a file holds.

    kind: "keras": variables are numbered, "conv1_conv/0", in the order of the layer's own; "torch": they are named,
      "layer1.0.conv1/weight".
    layers: of a file that Keras wrote: the configuration of each layer by name, empty where the file holds names alone.
    notes: what was chosen where the file left a choice, a sentence each.
    """

    kind: str
    arrays: dict
    layers: dict = field(default_factory=dict)
    notes: tuple = ()


def read(path) -> Tensors:
    """Reads `.h5`, `.weights.h5`, `.keras`, `.safetensors` and `.pth`; what a file is, its first bytes say.

    Raises:
      UserError: no such file, one that is cut short or altered, or one of another kind.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UserError(f"cannot read weights from {path}: {error.strerror}.") from error
    try:
        if start.startswith(b"\x89HDF"):
            with h5py.File(path) as file:
                return Tensors("keras", *_h5(file))
        if start.startswith(b"PK"):
            return _zip(path)
        if start[8:9] == b"{":
            return Tensors("torch", _safetensors(path))
        if start.startswith(b"\x80"):
            return _torch(path)
    except (
        OSError,
        RuntimeError,
        LookupError,
        ValueError,
        TypeError,
        EOFError,
        AttributeError,
        pickle.UnpicklingError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is cut short or damaged: {first_line(error)}. Fetch it again.") from error
    raise UserError(f"{path} is no file of weights: it must be one of {', '.join(SUFFIXES)}.")


def _zip(path):
    """A `.keras` file or a `.pth` file: both are zip archives."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.namelist()
        bad = archive.testzip()
        if bad:
            raise UserError(f"{path} was altered: the checksum of {bad} in it is wrong. Fetch it again.")
        if "model.weights.h5" in entries:
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
                arrays, names = _h5(file)
            architecture = json.loads(archive.read("config.json")) if "config.json" in entries else {}
            return Tensors("keras", arrays, names | _layers(architecture))
    if any(name.endswith("/data.pkl") for name in entries):
        return _torch(path)
    raise UserError(f"{path} is a zip archive without weights: it must be a .keras or a .pth file.")


def _h5(file):
    """(arrays, layers) of both of Keras's layouts: by layer name (Keras 1 and 2), and numbered groups (Keras 3)."""
    file = file.get("model_weights", file)
    arrays, layers = {}, {}
    if "layer_names" in file.attrs:
        for layer in _names(file.attrs, "layer_names"):
            layers[layer] = {}
            for i, variable in enumerate(_names(file[layer].attrs, "weight_names")):
                arrays[f"{layer.replace('/', '_')}/{i}"] = file[layer][variable][()]
        return arrays, layers

    def collect(path, group):
        if re.fullmatch(r"(layers/[^/]+/)+vars", path):  # not the seeds of a dropout
            if len(group) and "name" not in group.attrs:
                raise UserError("the weights carry no layer names: save them again with Keras 3.10 or newer.")
            layers[group.attrs.get("name", "")] = {}
            for variable, value in group.items():
                arrays[f"{group.attrs['name']}/{variable}"] = value[()]

    file.visititems(collect)
    return arrays, layers


def _layers(architecture):
    """The configuration of each layer by name, from a `.keras` file's description of the model."""
    rows = (architecture.get("config") or {}).get("layers", [])
    return {row["config"]["name"]: row["config"] for row in rows if "name" in row.get("config", {})}


def _names(attributes, key):
    return [n.decode() if isinstance(n, bytes) else str(n) for n in attributes[key]]


def _safetensors(path):
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise UserError(f"reading {path} needs safetensors: `pip install safetensors`.") from None
    try:
        with safe_open(path, framework="np") as file:
            return _torch_names({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 (not a dict)
    except (SafetensorError, TypeError) as error:
        raise UserError(f"{path} is cut short or damaged: {error}. Fetch it again.") from error


def _torch(path):
    tensors, notes = state_dict(torch_files.read(path), path)
    return Tensors("torch", _torch_names({key: value.array() for key, value in tensors.items()}), notes=tuple(notes))


def _torch_names(state):
    """Names with the variable split off, without batch counters; half floats become whole ones."""
    arrays = {}
    for key, value in state.items():
        layer, _, variable = plain(key).rpartition(".")
        if variable != "num_batches_tracked":
            value = np.asarray(value)
            arrays[f"{layer}/{variable}"] = value.astype("float32") if value.dtype.itemsize == 2 else value
    return arrays
