"""ImageNet's thousand classes: their names come with the weights that are published for them.

imagenet.json: for each class, in the order of the scores, WordNet's number, its first word there, and the name that
torchvision's metadata has, which no two classes share.
"""

import json
import re
from functools import cache
from importlib.resources import files

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.weights.catalog import catalog


@cache
def classes():
    """[(WordNet's number, its first word, a name of its own)] of the thousand classes."""
    return [tuple(row) for row in json.loads(files(__package__).joinpath("imagenet.json").read_text(encoding="utf-8"))]


def labels(path) -> tuple:
    """The classes' names, where `path` is a file of published weights by its name; () otherwise."""
    return tuple(name for _, _, name in classes()) if _published(path) else ()


def _published(path):
    name = re.sub(r"^[0-9a-f]{8}-", "", path.name)  # as `fetch` keeps it
    known = {row.address.rsplit("/", 1)[-1] for rows in catalog().values() for row in rows.values()}
    known -= {"model.safetensors"}
    fetched = path.name != name and name == "model.safetensors"
    return fetched or name in known or bool(re.fullmatch(r"efficientnet-(b\d|lite\d)-[0-9a-f]{8}\.pth", name))


def decode_predictions(preds, top=5):
    """The `top` classes of each row of scores, as `keras.applications.imagenet_utils.decode_predictions` gives them.

    Args:
      preds: [batch, 1000] scores of a network with ImageNet's classes.

    Returns:
      For each row a list of (WordNet's number, word, score), best first.

    Raises:
      UserError: scores of another shape.
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != len(classes()):
        raise UserError(f"scores are of shape {preds.shape}: ImageNet's are (batch, {len(classes())}).")
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise UserError(f"top is {top!r}: it must be a whole number from 1 up.")
    best = np.argsort(preds, axis=1)[:, ::-1][:, :top]
    return [[(*classes()[i][:2], row[i]) for i in order] for order, row in zip(best, preds, strict=True)]
