"""Out of a training checkpoint the network's tensors: whatever its author called them, and whatever lies beside."""

import re

from keras_cnns.errors import UserError
from keras_cnns.weights.torch_files import Foreign, Tensor

DEPTH = 4  # dicts in dicts
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
    partial = [w for w in found if w not in whole and AVERAGE.search(w)] + list(_unreadable_averages(content))
    if partial and not AVERAGE.search(taken):
        notes.append(f"an average of the weights lies in {_listed(partial)} and was left: it is not whole.")
    return whole[taken], notes


def plain(name):
    """A tensor's name without what compiling or sharding put into it."""
    return WRAPPERS.sub("", name)


def _candidates(content, where="", depth=DEPTH):
    """(place, tensors by name) of every dict that holds tensors and little else."""
    if not isinstance(content, dict) or depth < 0:
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    broken = any(isinstance(v, Foreign) and "." in str(k) for k, v in content.items())
    if 2 * len(tensors) > len(content) and not broken:
        yield where, tensors
    for key, value in content.items():
        yield from _candidates(value, f"{where}/{key}" if where else str(key), depth - 1)


def _unreadable_averages(content):
    """Places of averages that are no dict of tensors: lists without names, objects."""
    for key, value in content.items() if isinstance(content, dict) else ():
        tensors = value.values() if isinstance(value, dict) else ()
        if AVERAGE.search(str(key)) and not any(isinstance(t, Tensor) for t in tensors) and not _is_number(value):
            inner = dict(_candidates(value))
            if not inner:
                yield str(key)


def _is_number(value):
    return value is None or isinstance(value, bool | int | float | str)


def _custom(where):
    last = where.rpartition("/")[2]
    return CUSTOMARY.index(last) if last in CUSTOMARY else len(CUSTOMARY)


def _refuse(content, path):
    if isinstance(content, Foreign) or _holds_foreign(content):
        raise UserError(
            f"{path} holds more than weights, and reading it would run code from it: nothing was loaded. "
            "Save the state_dict alone."
        )
    raise UserError(f"{path} holds no state_dict: save `model.state_dict()`.")


def _holds_foreign(content):
    return isinstance(content, dict) and any(
        isinstance(v, Foreign) or (isinstance(v, dict) and _holds_foreign(v)) for v in content.values()
    )


def _called(where):
    return f"{where or 'the outermost dict'}"


def _listed(places):
    return ", ".join(map(_called, places[:4])) + (", ..." if len(places) > 4 else "")
