"""The card inside a model file: the network's name, its labels, and where the file came from.

A `.keras` file and a `.tflite` file with packed files are both zip archives. The card is one more entry in the archive,
so it stays with the model when the file is copied.
"""

import json
import os
import zipfile
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from keras_cnns.support.archives import open_zip, read_member
from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.untrusted import parse_json, utf8
from keras_cnns.support.validation import every, kind, number, path_of

ENTRY = "keras_cnns.json"


@dataclass(frozen=True)
class Card:
    """Labels are in the order of the outputs. `source` holds the recipe, versions and digests, as far as known.

    >>> Card("lenet5", ("zero", "one"), {"recipe": {"augment": {"crop": "whole"}}}).view()
    {'crop': 'whole', 'crop_fraction': 1.0}
    """

    name: str = ""
    labels: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)

    @property
    def several_labels(self) -> bool:
        """Whether the model was trained to answer several labels of a picture at once."""
        recipe = self.source.get("recipe")
        return isinstance(recipe, dict) and recipe.get("labels") == "several"

    def view(self) -> dict[str, Any]:
        """How evaluation cropped its pictures, as keyword arguments of `data.read_picture`; empty if not known."""
        recipe = self.source.get("recipe")
        augment = recipe.get("augment") if isinstance(recipe, dict) else None
        if not isinstance(augment, dict):
            return {}
        crop = "whole" if augment.get("crop") == "whole" else "centre"
        fraction = augment.get("crop_fraction", 1.0)
        return {"crop": crop, "crop_fraction": float(fraction)} if number(fraction) and 0 < fraction <= 1 else {}


def write_card(path: str | os.PathLike, card: Card) -> None:
    """Adds `card` to the model file at `path`, in place: call it on a file that `written_aside` yields."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, json.dumps(asdict(card), indent=1))


def read_card(path: str | os.PathLike) -> Card:
    """The card inside the model file at `path`; an empty one if the file has none.

    Raises:
      UnreadableFile: the card is damaged, too large or something else, or `path` is a named pipe or a device.

    >>> keras_cnns.read_card("photos.tflite").labels
    """
    path = path_of(path)
    if path.is_dir():
        return Card()
    try:
        archive = open_zip(path)
    except (zipfile.BadZipFile, OSError):  # not an archive, or no such file
        return Card()
    with archive:
        try:
            text = read_member(archive, ENTRY)
        except KeyError:
            return Card()
        except Exception as error:  # altered, cut short, encrypted, compressed in an unknown way
            raise UnreadableFile(f"the card in {path} ({ENTRY}) cannot be read: {first_line(error)}") from error
    try:
        values = parse_json(text)
    except ValueError as error:
        raise UnreadableFile(f"the card in {path} ({ENTRY}) is not JSON: {first_line(error)}") from error
    if not isinstance(values, dict):
        raise UnreadableFile(f"the card in {path} ({ENTRY}) is {kind(values)}, not a dict.")
    known = {f.name for f in fields(Card)}
    card = Card(**{name: value for name, value in values.items() if name in known})
    if not isinstance(card.name, str) or not isinstance(card.source, dict) or not every(card.labels, str):
        raise UnreadableFile(f"the card in {path} ({ENTRY}) must hold a name, a list of labels and a dict `source`.")
    return replace(card, name=utf8(card.name), labels=tuple(map(utf8, card.labels)))
