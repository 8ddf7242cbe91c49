"""What a model file says of itself: its name, its labels, where it came from.

A `.keras` file and a `.tflite` file with packed files are both zip archives, so the card travels inside
the model file as one more entry and survives a copy to another machine.
"""

import json
import zipfile
from dataclasses import asdict, dataclass, field, fields

from keras_cnns.files import read_json

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
        return {"crop": crop, "crop_fraction": float(augment.get("crop_fraction", 1.0))}


def write_card(path, card):
    """Adds `card` to the model file at `path` (in place: call it on the file written aside)."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, json.dumps(asdict(card), indent=1))


def read_card(path):
    """The card inside the model file at `path`; an empty one where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            values = read_json(archive.read(ENTRY))
    except (zipfile.BadZipFile, KeyError):
        return Card()
    known = {f.name for f in fields(Card)}
    values = {k: v for k, v in values.items() if k in known}
    return Card(**{**values, "labels": tuple(values.get("labels", ()))})
