"""Files of weights as {"layer/variable": array}, whoever wrote them. Nothing in a file is ever run."""

import io
import re
import struct
import zipfile
from collections import Counter
from dataclasses import dataclass, field

import h5py
import numpy as np

from keras_cnns.support.atomic_files import read_json, what_is
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.weights.formats import torch_files
from keras_cnns.weights.formats.folders import file_in, parts
from keras_cnns.weights.formats.unwrap import plain, state_dict

SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16", "I64": "<i8", "I32": "<i4"}
SAFETENSORS |= {"I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
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
    graph: dict = field(default_factory=dict)  # of a file that Keras wrote: the description of the whole model


def read(path) -> Tensors:
    """Reads `.h5`, `.weights.h5`, `.keras`, `.safetensors` and `.pth`; what a file is, its first bytes say.

    path: of a file, of a folder as it comes from a hub, or of one of several files that hold parts of the weights.

    Raises:
      UserError: no such file, one that is cut short or altered, or one of another kind.
    """
    several = parts(file_in(path))
    if len(several) == 1:
        return _read(several[0])
    found = [_read(part) for part in several]
    arrays = {name: value for tensors in found for name, value in tensors.arrays.items()}
    if any(tensors.kind != "torch" for tensors in found) or len(arrays) < sum(len(t.arrays) for t in found):
        raise UserError(f"{path} is cut into files that do not belong together: fetch them again.")
    return Tensors("torch", arrays)


def _read(path):
    """The same of one file."""
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UserError(f"cannot read weights from {path}: {error.strerror}.") from error
    try:
        if start.startswith(b"\x89HDF"):
            with h5py.File(path) as file:
                arrays, layers = _h5(file)
                return Tensors("keras", arrays, layers, graph=_described(file.attrs.get("model_config")))
        if start.startswith(b"PK"):
            return _zip(path)
        if start[8:9] == b"{":
            return Tensors("torch", _safetensors(path))
        if start.startswith(b"\x80"):
            return _torch(path)
    except Exception as error:  # zip, zlib, HDF5, pickle, JSON and NumPy each have errors of their own
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is cut short or damaged: {first_line(error)}. Fetch it again.") from error
    other = what_is(path)
    raise UserError(
        f"{path} is no file of weights{f' but {other}' if other else ''}: it must be one of {', '.join(SUFFIXES)}."
    )


def _zip(path):
    """A `.keras` file or a `.pth` file: both are zip archives."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.namelist()
        bad = archive.testzip()
        if bad:
            raise UserError(f"{path} was altered: the checksum of {bad} in it is wrong. Fetch it again.")
        if "model.weights.h5" in entries:
            graph = _described(archive.read("config.json")) if "config.json" in entries else {}
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
                arrays, names = _h5(file, dict(_places(graph)))
            return Tensors("keras", arrays, names | _layers(graph), graph=graph)
    if any(name.endswith("/data.pkl") for name in entries):
        return _torch(path)
    raise UserError(f"{path} is a zip archive without weights: it must be a .keras or a .pth file.")


def _h5(file, names=None):
    """(arrays, layers) of both of Keras's layouts: by layer name (Keras 1 and 2), and numbered groups (Keras 3).

    names: of the layers by their groups, where it is known otherwise: before 3.10 Keras did not write it there.
    """
    names = names or {}
    file = file.get("model_weights", file)
    arrays, layers = {}, {}
    if any(key.startswith("layer_names") for key in file.attrs):
        for layer in _names(file.attrs, "layer_names"):
            layers[layer] = {}
            variables = _names(file[layer].attrs, "weight_names")
            owners = [name.split("/")[-2] if name.count("/") else layer for name in variables]
            if len(set(owners)) < 2:  # a layer's own: its name is the group's
                owners = [layer] * len(variables)
            numbers = {}
            for owner, variable in zip(owners, variables, strict=True):  # a model in the model holds several layers
                layers.setdefault(owner, {})
                numbers[owner] = numbers.get(owner, -1) + 1
                arrays[f"{owner.replace('/', '_')}/{numbers[owner]}"] = file[layer][variable][()]
        return arrays, layers

    def collect(path, group):
        if re.fullmatch(r"(layers/[^/]+/)+vars", path):  # not the seeds of a dropout
            name = group.attrs.get("name") or names.get(path, "")
            if len(group) and not name:
                raise UserError(
                    "the weights carry no names of layers: save the whole model (.keras), or its weights again with "
                    "Keras 3.10 or newer."
                )
            layers[name] = {}
            for variable, value in group.items():
                arrays[f"{name}/{variable}"] = value[()]

    file.visititems(collect)
    return arrays, layers


def _places(graph, inside=""):
    """(group in the file, name) of every layer of a described model.

    Keras calls a group after the layer's kind, and counts those of a kind; a Sequential model has no input among them.
    """
    config, counts = graph.get("config"), Counter()
    left = "InputLayer" if graph.get("class_name") == "Sequential" else None
    for row in config.get("layers", []) if isinstance(config, dict) else []:
        if not isinstance(row, dict) or row.get("class_name") == left:
            continue
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", str(row.get("class_name")))
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        group = f"{inside}layers/{kind}_{counts[kind]}" if counts[kind] else f"{inside}layers/{kind}"
        counts[kind] += 1
        own = row.get("config")
        yield f"{group}/vars", own.get("name", "") if isinstance(own, dict) else ""
        yield from _places(row, f"{group}/")


def _described(text):
    """A model's description, an empty one where there is none."""
    graph = read_json(text) if text else {}
    return graph if isinstance(graph, dict) else {}


def _layers(architecture):
    """The configuration of each layer by name, from the description of a model, of models inside it too."""
    config = architecture.get("config")
    found = {}
    for row in config.get("layers", []) if isinstance(config, dict) else []:
        if "name" in row.get("config", {}):
            found[row["config"]["name"]] = row["config"]
        found |= _layers(row)
    return found


def _names(attributes, key):
    """A list of names; Keras writes a long one in pieces."""
    pieces = [key] if key in attributes else sorted((k for k in attributes if re.fullmatch(rf"{key}\d+", k)), key=len)
    return [n.decode() if isinstance(n, bytes) else str(n) for piece in pieces for n in attributes[piece]]


def _safetensors(path):
    """Read by hand: a length, a header in JSON, and the values behind it, bfloat16 among them, which NumPy lacks."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header, values = read_json(data[8 : 8 + length]), memoryview(data)[8 + length :]
    state = {}
    for name, row in header.items():
        if name == "__metadata__":
            continue
        begin, end = row["data_offsets"]
        kind = SAFETENSORS.get(row["dtype"])
        if kind is None:
            raise UserError(f"{path} holds values of {row['dtype']}, which cannot be read: save them as float32.")
        if not 0 <= begin <= end <= len(values):
            raise ValueError("a tensor lies beyond the end of the file")
        value = np.frombuffer(values[begin:end], "<u2" if kind == "bfloat16" else kind).reshape(row["shape"])
        state[name] = (value.astype("<u4") << 16).view("<f4") if kind == "bfloat16" else value
    return _torch_names(state)


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
