"""One file per paper. `counts()` is what every name weighs, recorded by `python -m keras_cnns.models.record`."""

import json
from functools import cache
from importlib.resources import files


@cache
def counts() -> dict:
    """For each name: parameters, trainable parameters, multiply-accumulates."""
    return json.loads(files(__package__).joinpath("counts.json").read_text())
