"""What a scheme uses beside the float32 flatbuffer: pictures, settings and results shared with other files."""

from dataclasses import dataclass, field

import numpy as np

from keras_cnns.tflite.quantize.settings import FileSettings, Tuning
from keras_cnns.tflite.quantize.shared import Shared
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.target import Rewrites
from keras_cnns.tflite.verify.report import Sensitivity

ERROR_AVOIDED = 0.75  # what is left is a quarter: 6 dB less


@dataclass(frozen=True)
class Job:
    """What a scheme uses beside the float32 flatbuffer.

    Attributes:
      calibration: {input name: (N, ...) floats}; None without calibration pictures.
      settings: of the file.
      shared: results that several files of the network share.
      rewrites: the forms of operators that the file's target wants in int8.
      notes: for the file's report; the scheme adds to them.
      sensitivities: a `Sensitivity` for each rounding; filled by the schemes that measure them.
    """

    calibration: dict[str, np.ndarray] | None = None
    settings: FileSettings = FileSettings()
    shared: Shared = field(default_factory=Shared)
    rewrites: Rewrites = LITERT_REWRITES
    notes: list[str] = field(default_factory=list)
    sensitivities: list[Sensitivity] = field(default_factory=list)

    @property
    def pictures(self) -> dict[str, np.ndarray]:
        """The calibration pictures, for schemes that need them."""
        assert self.calibration is not None
        return self.calibration

    @property
    def tuning(self) -> Tuning:
        """The tuning, or the default one."""
        return self.settings.tuning or Tuning()

    @property
    def error_avoided(self) -> float:
        """The share of int8's error to avoid by leaving operators out of int8."""
        return self.settings.error_avoided or ERROR_AVOIDED

    @property
    def batch(self) -> int:
        """Pictures in each run while ranges and errors are measured."""
        return self.settings.batch or 1
