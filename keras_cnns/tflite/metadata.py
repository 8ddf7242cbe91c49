"""What travels inside the file beside the network: its card, as a zip archive behind the flatbuffer."""

import io
import json
import zipfile
from dataclasses import asdict

from keras_cnns.card import ENTRY


def attach(data, card):
    """The flatbuffer `data` with `card` packed behind it."""
    packed = io.BytesIO(data)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, json.dumps(asdict(card), indent=1))
    return packed.getvalue()
