"""What a model file says of itself: its name, its labels, where it came from.

A `.keras` file and a `.tflite` file with packed files are both zip archives, so the card travels inside
the model file as one more entry and survives a copy to another machine.
"""

import json
import zipfile
from dataclasses import asdict, dataclass, field, fields, replace

from keras_cnns.support.atomic_files import read_json
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.support.validation import every, kind, number

ENTRY = "keras_cnns.json"


@dataclass(frozen=True)
class Card:
    """Labels are in the order of the outputs; `source` says what made the file (recipe, versions, digests)."""

    name: str = ""
    labels: tuple = ()
    source: dict = field(default_factory=dict)

    def view(self):
        """How the pictures of its training's evaluation were cut, as `data.read_picture` takes it; nothing unknown."""
        recipe = self.source.get("recipe")
        augment = recipe.get("augment") if isinstance(recipe, dict) else None
        if not isinstance(augment, dict):
            return {}
        crop = "whole" if augment.get("crop") == "whole" else "centre"
        fraction = augment.get("crop_fraction", 1.0)
        return {"crop": crop, "crop_fraction": float(fraction)} if number(fraction) and 0 < fraction <= 1 else {}


def write_card(path, card):
    """Adds `card` to the model file at `path` (in place: call it on the file written aside)."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, json.dumps(asdict(card), indent=1))


def read_card(path):
    """The card inside the model file at `path`; an empty one where there is none.

    Raises:
      UserError: there is one, and it cannot be read or holds something else.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError):  # no archive, or no file at all
        return Card()
    with archive:
        try:
            written = archive.read(ENTRY)
        except KeyError:
            return Card()
        except Exception as error:  # altered, cut short, encrypted, compressed in another way
            raise UserError(f"the card in {path} ({ENTRY}) cannot be read: {first_line(error)}") from error
    try:
        values = read_json(written)
    except ValueError as error:
        raise UserError(f"the card in {path} ({ENTRY}) is no JSON: {first_line(error)}") from error
    if not isinstance(values, dict):
        raise UserError(f"the card in {path} ({ENTRY}) is {kind(values)}, not a dict.")
    known = {f.name for f in fields(Card)}
    card = Card(**{k: v for k, v in values.items() if k in known})
    if not isinstance(card.name, str) or not isinstance(card.source, dict) or not every(card.labels, str):
        raise UserError(f"the card in {path} ({ENTRY}) holds no name, list of labels and dict of where it came from.")
    return replace(card, labels=tuple(card.labels))
