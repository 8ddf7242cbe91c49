"""Files of weights as {"layer/variable": array}, whichever library wrote them. Nothing in a file is ever run."""

import io
import math
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_cnns.support.archives import MAX_RATIO, RATIO_FROM, open_zip
from keras_cnns.support.atomic_files import what_is
from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, first_line
from keras_cnns.support.hdf5_files import check_hdf5
from keras_cnns.support.untrusted import open_regular, parse_json
from keras_cnns.support.validation import path_of
from keras_cnns.weights.formats import array_pickles, bit_npz, hdf5, safetensors_files, torch_files
from keras_cnns.weights.formats.composed import composed
from keras_cnns.weights.formats.folders import file_in, parts
from keras_cnns.weights.formats.unwrap import about, plain, state_dict

SUFFIXES = (".h5", ".weights.h5", ".keras", ".safetensors", ".pth")


@dataclass(frozen=True)
class Tensors:
    """The content of a file of weights.

    Args:
      kind: "keras" if variables are numbered, "conv1_conv/0", in the order of the layer's own; "torch" if they have
        names, "layer1.0.conv1/weight".
      arrays: {"layer/variable": array}.
      layers: of a file of Keras: {layer: its configuration}, which is empty where the file has names only.
      notes: a sentence for each choice that was made because the file allows several readings.
      graph: of a file of Keras: the description of the whole model, {} if it has none.
      about: of a file of torch: what it holds about the network besides its tensors, see `unwrap.about`.
    """

    kind: str
    arrays: dict[str, Any]
    layers: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    graph: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)


def read(path: str | os.PathLike[str]) -> Tensors:
    """Reads `.h5`, `.weights.h5`, `.keras`, `.safetensors`, `.pth` and `.npz`, by the first bytes.

    >>> tensors = keras_cnns.weights.read("resnet50-0676ba61.pth")
    >>> tensors.arrays["layer1.0.conv1/weight"].shape
    (64, 64, 1, 1)

    Args:
      path: of a file, of a folder of a hub, or of one of several files that share the weights, or their index.

    Raises:
      UserError: the file is missing, truncated, altered or of another kind.
    """
    several = parts(file_in(path_of(path)))
    if len(several) == 1:
        return _read(several[0])
    names = _layer_names(several)
    files = [_read(part, names) for part in several]
    arrays = {name: value for tensors in files for name, value in tensors.arrays.items()}
    kinds = {tensors.kind for tensors in files}
    if len(kinds) > 1 or len(arrays) < sum(len(tensors.arrays) for tensors in files):
        raise UnreadableFile(f"the files of {path} do not belong together: fetch them again.")
    layers = {name: config for tensors in files for name, config in tensors.layers.items()}
    return Tensors(kinds.pop(), arrays, layers)


def _layer_names(paths: list[Path]) -> dict[str, str]:
    """The names of layers in several HDF5 files that share the weights; {} for other files."""
    try:
        return hdf5.names_in(paths) if all(path.suffix == ".h5" for path in paths) else {}
    except OSError as error:
        raise UnreadableFile(f"{paths[0].parent} holds a damaged file: {first_line(error)}. Fetch it again.") from error


def _read(path: Path, names: dict[str, str] | None = None) -> Tensors:
    """Reads one file. names: of the layers, by their groups in an HDF5 file that does not have them."""
    try:
        with open_regular(path) as file:
            start = file.read(16)
    except OSError as error:
        raise UnreadableFile(f"cannot read weights from {path}: {error.strerror}.") from error
    try:
        if start.startswith(b"\x89HDF"):
            with h5py.File(path) as file:
                check_hdf5(file, str(path))
                arrays, layers = hdf5.read(file, names)
                _check_not_rounded(arrays, path)
                return Tensors("keras", arrays, layers, graph=_described(file.attrs.get("model_config")))
        if start.startswith(b"PK"):
            return _zip(path)
        if start[8:9] == b"{":
            return Tensors("torch", _torch_names(safetensors_files.read(path), path))
        if start.startswith(b"\x80"):
            return _torch(path)
    except UserError:
        raise
    except Exception as error:  # zip, zlib, HDF5, pickle, JSON and NumPy each have errors of their own
        raise UnreadableFile(f"{path} is cut short or damaged: {first_line(error)}. Fetch it again.") from error
    other = what_is(path)
    raise BadArgument(
        f"{path} is not a file of weights{f', but {other}' if other else ''}: it must be one of {', '.join(SUFFIXES)}."
    )


def _zip(path: Path) -> Tensors:
    """A `.keras` file or a `.pth` file: both are zip archives."""
    with open_zip(path) as archive:
        entries = archive.namelist()
        if bit_npz.is_bit(entries):
            return Tensors("torch", _torch_names(bit_npz.read(path), path))
        if _is_state_dict(entries):
            with np.load(path, allow_pickle=False) as file:
                return Tensors("torch", _torch_names({name: file[name] for name in file.files}, path))
        if other := _other_archive(entries):
            raise UnreadableFile(f"{path} is {other}")
        bad = archive.testzip()
        if bad:
            raise UnreadableFile(f"{path} was altered: the checksum of {bad} in it is wrong. Fetch it again.")
        if "model.weights.h5" in entries:
            return _keras(archive, path)
    if any(name.endswith("/data.pkl") for name in entries):
        return _torch(path)
    raise BadArgument(f"{path} is a zip archive without weights: it must be a .keras or a .pth file.")


def _is_state_dict(entries: list[str]) -> bool:
    """Whether a zip archive has the arrays of a state_dict of torch, saved with `numpy.savez`."""
    return all(name.endswith(".npy") for name in entries) and any(name.endswith(".weight.npy") for name in entries)


def _other_archive(entries: list[str]) -> str:
    """The kind of another tool's zip archive, and what to do about it; "" if the kind is unknown."""
    if entries and all(name.endswith(".npy") for name in entries):
        return "an archive of NumPy arrays (.npz), whose names are not those of layers: save the model's weights."
    if any(
        name.endswith(("archive_format", "models/model.json", "serialized_exported_program.json")) for name in entries
    ):
        return (
            "a program that torch.export wrote (.pt2), and nothing in it is run: load it with torch.export.load and "
            "save its state_dict with torch.save."
        )
    return ""


def _keras(archive: zipfile.ZipFile, path: Path) -> Tensors:
    graph = _described(archive.read("config.json")) if "config.json" in archive.namelist() else {}
    layers = _configurations(graph)
    quantized = [name for name, config in layers.items() if "int" in _policy(config) or "float8" in _policy(config)]
    if quantized:
        raise UnreadableFile(
            f"{path} was quantized by Keras ({_policy(layers[quantized[0]])} in {', '.join(quantized[:3])}): its "
            "weights are rounded, so load the file of the model before `quantize`."
        )
    with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        check_hdf5(file, str(path))
        arrays, names = hdf5.read(file, dict(hdf5.groups(graph)))
    _check_not_rounded(arrays, path)
    return Tensors("keras", arrays, names | layers, graph=graph)


def _check_not_rounded(arrays: dict[str, Any], path: Path) -> None:
    """Raises UserError if a file of Keras holds kernels in integers, which `quantize` leaves."""
    for name, value in arrays.items():
        if value.ndim > 1 and value.dtype.kind in "iu":
            raise UnreadableFile(
                f"{path} was quantized by Keras ({value.dtype} in {name.partition('/')[0]}): its weights are rounded, "
                "so load the file of the model before `quantize`."
            )


def _policy(config: dict[str, Any]) -> str:
    """The name of a layer's dtype policy in its configuration: "float32", or "int8_from_float32" if it is quantized."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        options = dtype.get("config")
        options = options if isinstance(options, dict) else {}
        return (
            str(options.get("name") or options.get("mode") or "") if "Quantized" in str(dtype.get("class_name")) else ""
        )
    return dtype if isinstance(dtype, str) and "_from_" in dtype else ""


def _described(text: Any) -> dict[str, Any]:
    """The description of a model, {} if there is none."""
    graph = parse_json(text) if text else {}
    return graph if isinstance(graph, dict) else {}


def _configurations(graph: dict[str, Any]) -> dict[str, Any]:
    """{layer: its configuration} of a described model, and of the models inside it."""
    config = graph.get("config")
    configurations = {}
    for row in config.get("layers", []) if isinstance(config, dict) else []:
        if "name" in row.get("config", {}):
            configurations[row["config"]["name"]] = row["config"]
        configurations |= _configurations(row)
    return configurations


def _torch(path: Path) -> Tensors:
    try:
        content = torch_files.read(path)
    except torch_files.NotTorch:
        content = None
        with suppress(Exception):  # of other objects, or damaged: pickle raises errors of many kinds
            content = array_pickles.read(path)
        if not array_pickles.holds_arrays(content):
            raise
    tensors, notes = state_dict(content, path)
    _check_expanded(tensors, path)
    arrays = _torch_names({key: value.array() for key, value in tensors.items()}, path)
    return Tensors("torch", arrays, notes=tuple(notes), about=about(content))


def _check_expanded(tensors: Mapping[str, torch_files.Tensor], path: Path) -> None:
    """Raises UserError if the tensors have far more elements than the file has bytes, as those with one storage may."""
    count, stored = sum(math.prod(tensor.size) for tensor in tensors.values()), path.stat().st_size
    if count > max(RATIO_FROM, MAX_RATIO * stored):
        raise UnreadableFile(f"{path} has tensors of {count} elements in {stored} bytes: it is damaged.")


def _torch_names(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """Names with the variable split off, without counters of batches; 16-bit floats become float32.

    Raises:
      UserError: kernels in integers, which quantization leaves; weights in parts.
    """
    arrays = {}
    for key, value in composed({plain(key): np.asarray(value) for key, value in state.items()}, path).items():
        layer, _, variable = key.rpartition(".")
        if variable != "num_batches_tracked":
            if variable == "weight" and value.ndim > 1 and value.dtype.kind in "iu":
                raise UnreadableFile(
                    f"{path} holds {key} in {value.dtype}: its weights are rounded, so load the file of the network "
                    "before it was quantized."
                )
            half = value.dtype.kind == "f" and value.dtype.itemsize == 2
            arrays[f"{layer}/{variable}"] = value.astype("float32") if half else value
    return arrays
