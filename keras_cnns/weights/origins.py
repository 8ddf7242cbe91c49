"""Whose names the tensors of a torch file bear, and what a larger network they were part of put before them."""

from collections import Counter

from keras_cnns.errors import UserError
from keras_cnns.registry import registry
from keras_cnns.weights import renames
from keras_cnns.weights.unwrap import AVERAGE

TORCH = ("torchvision", "timm", "efficientnet_pytorch")
SHARE = 0.15  # of all tensors, at least, in a part that may be the network


def recognised(name, arrays, source, net=None):
    """(origin, {our path: array}, notes): the part of `arrays` that is the network `name`, under our layers' names.

    A wrapper's prefix ("module.", "backbone.encoder.") is what leaves the most names that a rename table knows. Where
    several parts are the network (a student and its teacher), the average of weights is taken, else the first.

    Raises:
      UserError: no other library that writes torch files has this network.
    """
    origins = [o for o in TORCH if name in registry() and renames.peer(name, o)]
    if not origins:
        raise UserError(f"{source} is written by torch, but no network of torchvision or timm is known to be {name!r}.")
    best, tied = (-1, None, None), []
    for prefix in _prefixes(arrays):
        part = {path.removeprefix(prefix): value for path, value in arrays.items() if path.startswith(prefix)}
        for origin in origins:
            renamed = renames.rename(name, part, origin, net)
            known = len(part) - sum("." in path or path in part for path in renamed)
            if known > best[0]:
                best, tied = (known, origin, prefix), [prefix]
            elif known == best[0] > 0 and origin == best[1]:
                tied.append(prefix)
    _, origin, prefix = best
    prefix = next((p for p in tied if AVERAGE.search(p)), prefix)
    part = {path.removeprefix(prefix): value for path, value in arrays.items() if path.startswith(prefix)}
    notes = []
    if len(tied) > 1:
        others = ", ".join(p.rstrip(".") or "what has no prefix" for p in tied if p != prefix)
        notes.append(f"{prefix.rstrip('.') or 'what has no prefix'} was taken, {others} left.")
    elif len(part) < len(arrays):
        beside = Counter(path.split(".")[0].split("/")[0] for path in arrays if not path.startswith(prefix))
        notes.append(f"all under {prefix.rstrip('.')} was taken, {', '.join(list(beside)[:4])} beside it left.")
    return origin, renames.rename(name, part, origin, net), notes


def _prefixes(arrays):
    """Beginnings of names, up to a dot, that a good part of the names share; the shortest first."""
    counted = Counter()
    for path in arrays:
        parts = path.partition("/")[0].split(".")
        counted.update(".".join(parts[:n]) + "." for n in range(1, min(len(parts), 6)))
    common = [prefix for prefix, count in counted.items() if count >= SHARE * len(arrays)]
    return ["", *sorted(common, key=lambda prefix: prefix.count("."))]
