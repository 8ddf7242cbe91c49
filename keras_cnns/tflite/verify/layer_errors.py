"""Where a quantized file goes wrong: its intermediate results compared with the float file's, layer by layer."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_cnns.tflite.targets import runner

PICTURES = 8
NOISE_DB = 12.0  # below this a result is mostly noise


@dataclass(frozen=True)
class LayerError:
    """The error of one operator's result. layer: its Keras layer, if the converter kept the name."""

    operator: str
    layer: str
    snr_db: float


def layer_errors(
    file: str | os.PathLike, reference: str | os.PathLike, pictures: dict[str, np.ndarray], layers: Iterable[str] = ()
) -> tuple[LayerError, ...]:
    """A `LayerError` for each result that both files have, in order of execution.

    Args:
      file, reference: paths of the quantized and of the float `.tflite` file.
      pictures: `{input name: (N, ...) floats}`.
      layers: names of the layers of the model.
    """
    first_pictures = {name: array[:PICTURES] for name, array in pictures.items()}
    result, _ = runner.ask("layers", first_pictures, file=str(file), reference=str(reference))
    return tuple(LayerError(row["operator"], _layer(row["tensor"], layers), row["snr_db"]) for row in result["layers"])


def first_wrong(errors: Sequence[LayerError]) -> LayerError | None:
    """The first result that is mostly noise, or else the one with the largest drop in dB; None without results."""
    wrong = [error for error in errors if error.snr_db < NOISE_DB]
    if wrong:
        return wrong[0]
    drops = [(after.snr_db - before.snr_db, after) for before, after in zip(errors, errors[1:], strict=False)]
    return min(drops, key=lambda drop: drop[0])[1] if drops else None


def _layer(tensor: str, layers: Iterable[str]) -> str:
    """The layer of a tensor: the longest name that its own begins with, such as `conv` of `model/conv_relu/Relu`."""
    parts = tensor.split(";")[0].split("/")
    part = parts[1] if len(parts) > 1 else parts[0]
    return max((name for name in layers if part.startswith(name)), key=len, default=part)
