"""The thousand classes of ImageNet. Published weights come with their names.

imagenet.json has for each class, in the order of the scores: its number in WordNet, its first word there, and its name
in torchvision, which is unique.
"""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.validation import short
from keras_cnns.weights.catalog import catalog


@cache
def classes() -> list[tuple[str, str, str]]:
    """[(number in WordNet, first word, unique name)] of the thousand classes."""
    return [
        (row[0], row[1], row[2])
        for row in json.loads(files(__package__).joinpath("imagenet.json").read_text(encoding="utf-8"))
    ]


def labels(path: Path) -> tuple[str, ...]:
    """The names of the classes if `path` has the name of a file of published weights; () otherwise."""
    return tuple(name for _, _, name in classes()) if _published(path) else ()


def _published(path: Path) -> bool:
    name = re.sub(r"^[0-9a-f]{8}-", "", path.name)  # as `fetch` keeps it
    known = {row.address.rsplit("/", 1)[-1] for rows in catalog().values() for row in rows.values()}
    known -= {"model.safetensors"}
    fetched = path.name != name and name == "model.safetensors"
    return fetched or name in known or bool(re.fullmatch(r"efficientnet-(b\d|lite\d)-[0-9a-f]{8}\.pth", name))


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The best classes of each row of scores, in the form of `keras.applications.imagenet_utils.decode_predictions`.

    >>> keras_cnns.weights.decode_predictions(model.predict(pictures), top=1)
    [[('n02123045', 'tabby', 0.61)]]

    Args:
      preds: [batch, 1000] scores of a network with the classes of ImageNet.
      top: the number of classes.

    Returns:
      For each row a list of (number in WordNet, first word, score), best first.

    Raises:
      UserError: the scores have another shape, or `top` is not a positive integer.
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != len(classes()):
        raise UnreadableFile(f"scores are of shape {preds.shape}: ImageNet's are (batch, {len(classes())}).")
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise BadArgument(f"top is {short(top)}: it must be a whole number from 1 up.")
    best = np.argsort(preds, axis=1)[:, ::-1][:, :top]
    return [[(*classes()[i][:2], row[i]) for i in order] for order, row in zip(best, preds, strict=True)]
