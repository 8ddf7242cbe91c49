"""The configuration of a model that somebody else saved, checked before Keras builds the model.

A configuration names classes and functions, and Keras looks them up and calls them. It refuses Python code and most
modules. What is refused here besides would run, read or write something else than a network, or take memory that
nothing in the file accounts for.
"""

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from keras_cnns.support.errors import UnreadableFile

# Parts of Keras's interface whose functions and classes compute.
COMPUTE = {"activations", "constraints", "distillation", "dtype_policies", "initializers", "layers", "losses"}
COMPUTE |= {"metrics", "mixed_precision", "models", "ops", "optimizers", "quantizers", "random", "regularizers"}
COMPUTE |= {"src", "_legacy"}
CLASSES_ONLY = {"", "mixed_precision", "models"}  # their functions load, save, or change settings
LOOKUPS = {"get", "serialize", "deserialize"}
HUBS = {"keras_hub", "keras_cv", "keras_nlp"}  # Keras imports these if a file names them
ARRAYS = {"__numpy__", "__tensor__"}
DTYPE = re.compile(r"[a-z]+\d{0,3}")  # NumPy reads "U9999999999" as strings of that length


def check_config(config: Any, folder: Path) -> None:
    """Checks the configuration of a model, as parsed from JSON.

    Args:
      config: of a `.keras` file, or the attribute `model_config` of an `.h5` file.
      folder: of the file, from which nothing is imported.

    Raises:
      UnreadableFile: it names a function of Keras that does not compute, or a module beside the file; it calls a layer
        with constants alone; or it has an array of a type without a fixed size.
    """
    for entry in _dicts(config):
        _check_name(entry, folder)
        _check_array(entry)
        for call in _list(entry.get("inbound_nodes")):
            if isinstance(call, dict) and any(call.values()) and not _has_symbolic(list(call.values())):
                raise UnreadableFile(f"it calls the layer {str(entry.get('name'))[:80]!r} with constants alone.")


def _check_name(entry: dict[str, Any], folder: Path) -> None:
    """Raises UnreadableFile if the entry names an object that is not part of a network."""
    module, name = entry.get("module"), entry.get("class_name")
    if not isinstance(module, str) or not isinstance(name, str):
        return
    name = str(entry.get("config")) if name == "function" else str(entry.get("spec_name", name))
    package, _, inner = module.partition(".")
    part = inner.partition(".")[0]
    if package in HUBS and package not in sys.modules and _beside(package, folder):
        raise UnreadableFile(f"it names {package}, and a module of this name lies in a folder from which none is read.")
    other = package == "keras" and (part not in COMPUTE | {""} or (part in CLASSES_ONLY and name[:1].islower()))
    if other or (package in ("keras", "builtins") and name in LOOKUPS):
        raise UnreadableFile(f"it names {module[:80]}.{name[:80]}, which is no part of a network.")


def _beside(package: str, folder: Path) -> bool:
    """Whether the top-level package would be imported from the current folder or from `folder`."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = {Path(place).resolve().parent for place in spec.submodule_search_locations or ()}
    places |= {Path(spec.origin).resolve().parent} if spec.origin and not places else set()
    return bool(places & {Path.cwd().resolve(), folder.resolve()})


def _check_array(entry: dict[str, Any]) -> None:
    """Raises UnreadableFile if the entry is an array of a type without a fixed size."""
    if str(entry.get("class_name")) not in ARRAYS:
        return
    config = entry.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if not (isinstance(dtype, str) and DTYPE.fullmatch(dtype)):
        raise UnreadableFile(f"it has an array of type {str(dtype)[:80]!r}.")


def _has_symbolic(values: Any) -> bool:
    """Whether an output of another layer is among the arguments, where Keras sees it: in lists and plain dicts."""
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                return True
            if "class_name" not in value:
                pending += value.values()
    return False


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    """All dicts of a JSON value."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield value
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
