"""Which networks fit on a chip: RAM and flash of their int8 files, by the target's tool, or estimated without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnns.builder import build
from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.support.errors import UserError
from keras_cnns.support.sizes import size_words
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.tflite.export_file import export
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.memory import Memory, measured_memory, static_memory
from keras_cnns.tflite.targets.target import Target

PICTURES = 4  # of noise, to calibrate on
SCHEME = "int8"


@dataclass(frozen=True)
class Fit:
    """Whether a network fits.

    Attributes:
      fits: None where it is not known.
      reason: why it does not fit, or why that is not known.
      memory: what it needs; None where no file was made.
    """

    fits: bool | None
    reason: str = ""
    memory: Memory | None = None

    @property
    def words(self) -> str:
        """For a table: "yes", "no: needs 2.1 MiB of flash ..."."""
        word = {True: "yes", False: "no", None: "unknown"}[self.fits]
        return f"{word}: {self.reason}" if self.reason else word


def fit(name: str, params: int, target: Target, ram: int | None, flash: int | None, *, scheme: str = SCHEME) -> Fit:
    """Whether the network `name` with random weights fits on `target` within `ram` and `flash` bytes (None: no limit).

    A network whose parameters alone exceed `flash`, one byte each, is not built.
    """
    if flash is not None and params > flash:
        return Fit(False, f"its parameters alone need {size_words(params)} of flash")
    try:
        model = _with_spread_activations(build(name))
        pictures = _noise(model, PICTURES)
        with temporary_folder() as folder:
            path = Path(folder, f"{name}.tflite")
            options: dict[str, Any] = {"calibration": pictures, "images": pictures, "force": True}
            report = export(model, path, scheme=scheme, target=[target], **options)
            file = read_contents(path)
            errors = [finding for finding in target.findings(file) if finding.severity == "error"]
            if errors:
                return Fit(False, errors[0].message)
            # LiteRT, the default, is no target besides itself
            placement = report.targets[0].placement if report.targets else target.placement(file)
            if placement is not None:
                memory = measured_memory(placement, file)
            elif report.targets[0].status == "not run":
                memory = static_memory(target, file)
            else:
                return Fit(None, "; ".join(report.targets[0].reasons))
    except UserError as error:
        return Fit(None, str(error))
    excess = memory.excess(ram, flash)
    return Fit(not excess, " and ".join(excess), memory)


def _with_spread_activations(model: keras.Model) -> keras.Model:
    """The model with batch normalization that knows its activations.

    Those of fresh weights fade from layer to layer, until no int8 kernel takes their ranges.
    """
    norms = [layer for layer in sublayers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(_noise(model, PICTURES), training=True)
    return model


def _noise(model: keras.Model, count: int) -> np.ndarray:
    (shape,) = (tensor.shape[1:] for tensor in model.inputs)
    return np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype(np.float32)
