"""The pictures of an export: those for calibration, and those that the file is compared on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.inputs import pictures
from keras_cnns.tflite.inputs.structures import Inputs

NOISE = "compared on noise, which says nothing of classes: give images"
SAME = "compared on the calibration pictures themselves: give images it has not seen"
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Pictures:
    """Pictures by input name, each (N, ...).

    Attributes:
      calibration: all calibration pictures; None without any.
      thinned: those that ranges are measured on, at most `pictures.CALIBRATION_PICTURES`.
      images: the pictures to compare the file with the model on.
      labels: of `images`; None without labels.
      first_note, notes: where the pictures come from, and what follows from that.
      are_noise: `images` are noise, because the caller passed no pictures.
      are_calibration: `images` are the calibration pictures.
    """

    calibration: Arrays | None
    thinned: Arrays | None
    images: Arrays
    labels: Any = None
    first_note: str | None = None
    notes: tuple[str, ...] = ()
    are_noise: bool = False
    are_calibration: bool = False

    def notes_for(self, calibrated: bool) -> tuple[str, ...]:
        """Notes for a file's report. calibrated: whether its scheme uses the calibration pictures."""
        same = (SAME,) if calibrated and self.are_calibration else ()
        return (*((self.first_note,) if self.first_note else ()), *same, *self.notes)


def gather(
    inputs: Inputs,
    calibration: Any = None,
    images: Any = None,
    labels: Any = None,
    synthesize: Callable[[], tuple[Arrays, str]] | None = None,
) -> Pictures:
    """The pictures of an export, from the arguments of a caller.

    Args:
      inputs: of the model.
      calibration, images, labels: as `export` takes them.
      synthesize: returns calibration pictures, and a note on them, to use instead of `calibration`.

    Raises:
      UserError: they do not fit the model, or there are labels without images.
    """
    note = None
    if synthesize is not None:
        calibration, note = synthesize()
    elif calibration is not None:
        limit = None if images is None and labels is not None else pictures.CALIBRATION_PICTURES
        calibration = pictures.collect(calibration, inputs, "calibration", limit=limit)
    labels = None if labels is None else pictures.label_array(labels)
    are_noise, are_calibration = images is None and calibration is None, images is None and calibration is not None
    if images is not None:
        images = pictures.collect(images, inputs, "images")
    elif are_calibration:
        images = calibration
    elif labels is not None:
        raise BadArgument("labels need the images they belong to: give images=.")
    else:
        images = pictures.noise(inputs)
    notes = (NOISE,) if are_noise else pictures.compare_ranges(calibration, images) if calibration is not None else ()
    thinned = None if calibration is None else pictures.thin(calibration)
    return Pictures(calibration, thinned, images, labels, note, notes, are_noise, are_calibration)
