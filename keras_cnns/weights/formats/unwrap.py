"""Out of a training checkpoint the network's tensors: whatever its author called them, and whatever lies beside."""

import re

from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats.torch_files import Foreign, Tensor

DEPTH = 4  # dicts in dicts
TENSORS = ("torch._utils._rebuild", "torch.float", "torch.complex", "torch.Complex", "torch.Q", "torch.storage")
AVERAGE = re.compile(r"(?<![a-z])(ema|swa|avg|averaged?|polyak|shadow|teacher)(?![a-z])", re.IGNORECASE)
OTHERS = re.compile(r"optim|sched|scaler|amp|callback(?!.*ema)|discriminator", re.IGNORECASE)
CUSTOMARY = ("", "state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
WRAPPERS = re.compile(r"(?:(?<=^)|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")


def state_dict(content, path):
    """({name: Tensor}, notes) of the network in what torch saved at `path`.

    An average of the weights (EMA, SWA, a teacher) is taken before the weights themselves. notes: what was chosen where
    there was a choice.

    Raises:
      UserError: there are no named tensors, or objects in their place that only running code could make.
    """
    found = dict(_candidates(content))
    found = {where: tensors for where, tensors in found.items() if not OTHERS.search(where)} or found
    if not found:
        _refuse(content, path)
    most = max(map(len, found.values()))
    whole = {where: tensors for where, tensors in found.items() if 10 * len(tensors) >= 9 * most}
    order = sorted(whole, key=lambda where: (not AVERAGE.search(where), _custom(where), -len(whole[where])))
    taken, *rest = order
    notes = []
    if rest:
        notes.append(
            f"{_called(taken)} was taken, {_listed(rest)} left: save what you want of them alone to load that."
        )
    if not AVERAGE.search(taken):
        for places, why in (
            ([w for w in found if w not in whole and AVERAGE.search(w)], "it is not whole"),
            (list(_nameless_averages(content)), "it does not say which tensor is which"),
        ):
            if places:
                notes.append(f"an average of the weights lies in {_listed(places)} and was left: {why}.")
    return whole[taken], notes


def plain(name):
    """A tensor's name without what compiling or sharding put into it."""
    return WRAPPERS.sub("", name)


def _candidates(content, where="", depth=DEPTH):
    """(place, tensors by name) of every dict that holds tensors and little else."""
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


def _nameless_averages(content, where="", depth=DEPTH):
    """Places of averages that are no dict of tensors: lists of them, objects."""
    for key, value in content.items() if isinstance(content, dict) and depth >= 0 else ():
        place = f"{where}/{key}" if where else str(key)
        if AVERAGE.search(str(key)) and _holds_tensors_or_objects(value) and not dict(_candidates(value)):
            yield place
        else:
            yield from _nameless_averages(value, place, depth - 1)


def _holds_tensors_or_objects(value, depth=DEPTH):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if isinstance(value, Foreign):
        return True
    return depth >= 0 and any(isinstance(v, Tensor) or _holds_tensors_or_objects(v, depth - 1) for v in inner)


def _custom(where):
    last = where.rpartition("/")[2]
    return CUSTOMARY.index(last) if last in CUSTOMARY else len(CUSTOMARY)


def _refuse(content, path):
    what = next(_foreign(content), None)
    if what is None:
        raise UserError(f"{path} holds no state_dict: save `model.state_dict()`.")
    if what.startswith(TENSORS):
        raise UserError(
            f"{path} holds tensors that cannot be read here ({what.rpartition('.')[2].removeprefix('_rebuild_')}): "
            "save them as plain tensors of float32."
        )
    if what.startswith("numpy"):
        raise UserError(f"{path} holds NumPy's arrays in place of tensors: save torch's own `model.state_dict()`.")
    raise UserError(
        f"{path} holds more than weights ({what}), and reading it would run code from it: nothing was loaded. "
        "Save the state_dict alone."
    )


def _foreign(content, depth=DEPTH):
    """The names of what was not made, as they are met."""
    if isinstance(content, Foreign):
        yield content.what
    elif isinstance(content, dict | list | tuple) and depth >= 0:
        for value in content.values() if isinstance(content, dict) else content:
            yield from _foreign(value, depth - 1)


def _called(where):
    return f"{where or 'the outermost dict'}"


def _listed(places):
    return ", ".join(map(_called, places[:4])) + (", ..." if len(places) > 4 else "")
