"""Builds every model, counts it and writes counts.json: `python -m keras_cnns.models.record [PATTERN]`."""

import sys
from pathlib import Path

import keras

from keras_cnns import build, list_models
from keras_cnns.files import write_json
from keras_cnns.insight.profile import totals
from keras_cnns.models import counts

PATH = Path(__file__).with_name("counts.json")


def main(pattern="*"):
    """Names that do not match `pattern` keep what was recorded; names that are gone go."""
    recorded = counts() if PATH.exists() else {}
    chosen = set(list_models(pattern))
    for name in list_models():
        if name in chosen or name not in recorded:
            recorded[name] = totals(build(name))
            keras.backend.clear_session()
            print(name, recorded[name], flush=True)
    write_json(PATH, {name: recorded[name] for name in list_models()})


if __name__ == "__main__":
    main(*sys.argv[1:])
