"""Models from `.keras` files."""

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py

from keras_cnns.saving.model_config import check_config
from keras_cnns.saving.variable_limit import variable_limit
from keras_cnns.support.archives import open_zip, read_member, seekable_member
from keras_cnns.support.atomic_files import what_is
from keras_cnns.support.errors import UnreadableFile, UserError, first_line
from keras_cnns.support.hdf5_files import check_hdf5
from keras_cnns.support.recursion import with_headroom
from keras_cnns.support.untrusted import parse_json
from keras_cnns.support.validation import path_of

LEAST_LIMIT = 2**26  # bytes of variables that any model file may ask for
MOST_PER_STORED = 4  # bytes of variables for a byte of weights; Keras builds the layer in `Bidirectional` twice
WEIGHTS = "it holds weights alone: build the network and give them to keras_cnns.load_weights(model, FILE)."


def load_model(path: str | os.PathLike[str]) -> Any:
    """The `keras.Model` in the `.keras` file at `path`, not compiled.

    The layers of this package are registered with Keras by the call. `keras.saving.load_model` needs
    `import keras_cnns.layers` before it.

    >>> model = keras_cnns.load_model("runs/digits/model.keras")

    Raises:
      UserError: there is no such file, or it is damaged or holds something else.
    """
    import keras_cnns.layers  # noqa: F401  registers them
    from keras_cnns.graph.keras_internals import thread_state

    path = path_of(path, "the model")
    if path.is_dir():
        kind = "a SavedModel" if (path / "saved_model.pb").is_file() else "a folder"
        raise UnreadableFile(f"cannot read {path} as a Keras model: it is {kind}, and a .keras file is needed.")
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}: give the path of a .keras file.")
    try:
        limit = LEAST_LIMIT + MOST_PER_STORED * _stored_bytes(path)
        return with_headroom(lambda: _within(limit, path), share=thread_state())
    except Exception as error:  # zip, JSON, HDF5 and Keras each have errors of their own
        raise UnreadableFile(f"cannot read {path} as a Keras model: {_why(path, error)}") from error


def _within(limit: int, path: Path) -> Any:
    """The model of a file that Keras may build with variables of `limit` bytes."""
    import keras

    with variable_limit(limit) as variables:
        try:
            model = keras.saving.load_model(path, compile=False)
        except Exception:
            variables.check()  # its own words are clearer than what Keras makes of them
            raise
        variables.check()
        return model


def _stored_bytes(path: Path) -> int:
    """The bytes of the weights in a model file whose configuration and weights are checked; 0 if it has none.

    What is no model file at all is left to Keras.

    Raises:
      UnreadableFile: the archive, the configuration or the weights have something that is not read.
    """
    if path.suffix in (".h5", ".hdf5"):
        if not h5py.is_hdf5(path):
            return 0
        with h5py.File(path) as file:
            check_config(_parsed(file.attrs.get("model_config", "{}")), path.parent)
            return check_hdf5(file, "it")
    if not zipfile.is_zipfile(path):
        return 0
    with open_zip(path) as archive:
        entries = archive.namelist()
        if "config.json" in entries:
            check_config(_parsed(read_member(archive, "config.json")), path.parent)
        if "model.weights.h5" in entries:
            with h5py.File(seekable_member(archive, "model.weights.h5")) as file:
                return check_hdf5(file, "it")
        return archive.getinfo("model.weights.npz").file_size if "model.weights.npz" in entries else 0


def _parsed(text: Any) -> Any:
    if not isinstance(text, (str, bytes)):  # as an attribute of an HDF5 file may be
        raise UnreadableFile("its configuration is no text.")
    try:
        return parse_json(text)
    except ValueError as error:
        raise UnreadableFile(f"{first_line(error)}, in its configuration.") from None


def _keras_version(archive: zipfile.ZipFile) -> str:
    """The version of Keras that wrote a `.keras` file; "" where it does not say."""
    try:
        return str(parse_json(read_member(archive, "metadata.json"))["keras_version"])
    except Exception:  # whatever zipfile raises of a damaged member, or text that is not JSON
        return ""


def _why(path: Path, error: Exception) -> str:
    """What the file is instead, or what is missing in it; else what Keras says."""
    try:
        other = what_is(path)
        if other:
            return f"it is {other}."
        if zipfile.is_zipfile(path):
            with open_zip(path) as archive:
                entries, version = archive.namelist(), _keras_version(archive)
            if "config.json" not in entries:
                weights = any(name.endswith("data.pkl") for name in entries)
                return WEIGHTS if weights else "it is a zip archive of something else."
            if version.startswith("2."):
                return (
                    f"it was saved by Keras {version} (tf_keras), which Keras 3 cannot load: load it with tf_keras, "
                    "save its weights as .h5, and load those into the same network built with Keras 3."
                )
        elif path.suffix == ".keras":
            return "it is cut short, or was never one."
    except zipfile.BadZipFile as fault:
        return f"it is a damaged zip archive ({first_line(fault)})."
    except (OSError, UserError) as fault:  # no right to read it; members of sizes that cannot be true
        return first_line(fault)
    if "No model config" in str(error) or path.suffix in (".safetensors", ".pth", ".pt", ".bin"):
        return WEIGHTS
    missing = re.search(r"Could not locate (?:class|function) '(\w+)'", str(error))
    if missing:
        return (
            f"it has {missing[1]}, which is not Keras's: load it where that is defined, under "
            "@keras.saving.register_keras_serializable(), and give the model itself."
        )
    return first_line(error)
