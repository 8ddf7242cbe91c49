"""The tensors of the network in a training checkpoint, under whatever key its author put them."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.weights.formats.torch_files import Foreign, Tensor

DEPTH = 4  # dicts in dicts
LONGEST = 1000  # characters of a key in which words are searched
TENSORS = ("torch._utils._rebuild", "torch.float", "torch.complex", "torch.Complex", "torch.Q", "torch.storage")
AVERAGE = re.compile(r"(?<![a-z])(ema|swa|avg|averaged?|polyak|shadow|teacher)(?![a-z])", re.IGNORECASE)
OTHERS = re.compile(r"optim|sched|scaler|amp|callback(?!.*ema)|discriminator", re.IGNORECASE)
LATEST = re.compile(r"(^|/)current_model_state$")  # beside the average in "state_dict": Lightning's WeightAveraging
CUSTOMARY = ("", "state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
ARCHITECTURE = ("arch", "architecture", "model_name")
WRAPPERS = re.compile(r"(?:(?<=^)|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")


def state_dict(content: Any, path: object) -> tuple[dict[str, Tensor], list[str]]:
    """The named tensors of the network in what torch saved at `path`, and notes about what was chosen.

    An average of the weights (EMA, SWA, a teacher) is preferred to the weights themselves.

    Raises:
      UserError: there are no named tensors; there are objects that only running code could create; or there are several
        networks with the same tensors, of different values, none or all of which are averages.
    """
    candidates = dict(_candidates(content))
    candidates = {key: tensors for key, tensors in candidates.items() if not OTHERS.search(key[:LONGEST])} or candidates
    if not candidates:
        raise _refusal(content, path)
    most = max(map(len, candidates.values()))
    full = {key: tensors for key, tensors in candidates.items() if 10 * len(tensors) >= 9 * most}
    order = sorted(full, key=lambda key: (not AVERAGE.search(key), _customary(key), -len(full[key])))
    distinct = [key for n, key in enumerate(order) if not any(_equal(full[key], full[other]) for other in order[:n])]
    taken, *rest = distinct
    rivals = [
        key for key in rest if bool(AVERAGE.search(key)) == bool(AVERAGE.search(taken)) and not LATEST.search(key)
    ]
    rivals = [key for key in rivals if _shapes(full[key]) == _shapes(full[taken])]
    if rivals:
        raise UnreadableFile(
            f"{path} holds several networks with the same tensors, {_listed([taken, *rivals])}: save the state_dict of "
            "one of them alone."
        )
    notes = []
    if rest:
        notes.append(f"{_called(taken)} was taken, {_listed(rest)} ignored: to load another one, save it alone.")
    if not AVERAGE.search(taken):
        for places, why in (
            ([key for key in candidates if key not in full and AVERAGE.search(key)], "it is not complete"),
            (list(_nameless_averages(content)), "it does not say which tensor is which"),
        ):
            if places:
                notes.append(f"an average of the weights lies in {_listed(places)} and was ignored: {why}.")
    return full[taken], notes


def about(content: Any) -> dict[str, Any]:
    """What a file holds about the network besides its tensors.

    Returns:
      A dict with those that are there: "architecture", the name of the network, as timm writes it; "author", as
      detectron2 writes it; of OpenMMLab's: "openmmlab", True; "labels", the names of the classes; "style", "pytorch" or
      "caffe".
    """
    if not isinstance(content, dict):
        return {}
    names = [content[key] for key in ARCHITECTURE if isinstance(content.get(key), str)]
    known: dict[str, Any] = {"architecture": names[0]} if names else {}
    if isinstance(content.get("__author__"), str):
        known["author"] = content["__author__"]
    return known | _of_openmmlab(content.get("meta"))


def _of_openmmlab(meta: Any) -> dict[str, Any]:
    """What stands under "meta" in checkpoints of mmengine and of mmcv 1."""
    if not isinstance(meta, dict):
        return {}
    data = meta.get("dataset_meta")
    data = {str(key).lower(): value for key, value in (data if isinstance(data, dict) else meta).items()}
    writers = ("mmengine_version", "mmcv_version", "mmcls_version", "mmpretrain_version", "mmdet_version")
    known: dict[str, Any] = {"openmmlab": True} if any(key in meta for key in writers) else {}
    classes = data.get("classes")
    if isinstance(classes, list | tuple) and all(isinstance(name, str) for name in classes):
        known["labels"] = tuple(classes)
    config = meta.get("cfg") or meta.get("config")
    style = re.search(r"""style=['"](pytorch|caffe)['"]""", config) if isinstance(config, str) else None
    return known | ({"style": style[1]} if style else {})


def plain(name: str) -> str:
    """A tensor's name without what compiling or sharding adds to it."""
    return WRAPPERS.sub("", name)


def _candidates(content: Any, where: str = "", depth: int = DEPTH) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """(path of keys, tensors by name) of every dict that holds tensors and little else."""
    if isinstance(content, list | tuple):
        content = {str(i): value for i, value in enumerate(content) if isinstance(value, dict | list | tuple)}
    if not isinstance(content, dict) or depth < 0:
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    broken = any(isinstance(v, Foreign) and "." in str(k) for k, v in content.items())
    if 2 * len(tensors) > len(content) and not broken:
        yield where, tensors
    for key, value in content.items():
        yield from _candidates(value, f"{where}/{key}" if where else str(key), depth - 1)


def _nameless_averages(content: Any, where: str = "", depth: int = DEPTH) -> Iterator[str]:
    """Paths of averages that are not dicts of tensors, but lists of them, or objects."""
    for key, value in content.items() if isinstance(content, dict) and depth >= 0 else ():
        place = f"{where}/{key}" if where else str(key)
        if AVERAGE.search(str(key)) and _holds_tensors_or_objects(value) and not dict(_candidates(value)):
            yield place
        else:
            yield from _nameless_averages(value, place, depth - 1)


def _holds_tensors_or_objects(value: Any, depth: int = DEPTH) -> bool:
    inner: Iterable[Any] = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    )
    if isinstance(value, Foreign):
        return True
    return depth >= 0 and any(isinstance(v, Tensor) or _holds_tensors_or_objects(v, depth - 1) for v in inner)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """{name without what wrappers add: shape} of tensors with more than one element."""
    names = {plain(name).removeprefix("module."): tensor.size for name, tensor in tensors.items()}
    return {name: tuple(size) for name, size in names.items() if math.prod(size) > 1}


def _equal(tensors: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    """Whether two dicts have the same names and the same values."""
    if tensors.keys() != others.keys() or _shapes(tensors) != _shapes(others):
        return False
    return all(np.array_equal(tensor.array(), others[name].array()) for name, tensor in tensors.items())


def _customary(where: str) -> int:
    """A sort key: the more usual a name is for weights, the smaller it is."""
    last = where.rpartition("/")[2]
    return CUSTOMARY.index(last) if last in CUSTOMARY else len(CUSTOMARY)


def _refusal(content: Any, path: object) -> UserError:
    """Why nothing in the file can be loaded."""
    what = next(_foreign(content), None)
    if what is None:
        return UserError(f"{path} holds no state_dict: save `model.state_dict()`.")
    if what.startswith(TENSORS):
        return UserError(
            f"{path} holds tensors that cannot be read here ({what.rpartition('.')[2].removeprefix('_rebuild_')}): "
            "save them as plain tensors of float32."
        )
    if what.startswith("numpy"):
        return UserError(f"{path} holds NumPy's arrays in place of tensors: save torch's own `model.state_dict()`.")
    return UserError(
        f"{path} holds more than weights ({what}), and reading it would run code from it: nothing was loaded. "
        "Save the state_dict alone."
    )


def _foreign(content: Any, depth: int = DEPTH) -> Iterator[str]:
    """The names of the objects that were not created, in their order."""
    if isinstance(content, Foreign):
        yield content.what
    elif isinstance(content, dict | list | tuple) and depth >= 0:
        for value in content.values() if isinstance(content, dict) else content:
            yield from _foreign(value, depth - 1)


def _called(where: str) -> str:
    return f"{where or 'the outermost dict'}"


def _listed(places: list[str]) -> str:
    return ", ".join(map(_called, places[:4])) + (", ..." if len(places) > 4 else "")
