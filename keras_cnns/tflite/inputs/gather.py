"""The pictures of an export: what ranges are measured on, and what the file is compared on."""

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
      calibration: all of them; None where none are given.
      thinned: those that ranges are measured on, at most `pictures.CALIBRATION_PICTURES`.
      images: what the file is compared with the model on.
      labels: of `images`, as given; None where none are given.
      first_note, notes: where the pictures come from, and what that means.
      are_noise: no pictures were given at all.
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
        """Notes on a file; calibrated: whether its scheme is made on the calibration pictures."""
        same = (SAME,) if calibrated and self.are_calibration else ()
        return (*((self.first_note,) if self.first_note else ()), *same, *self.notes)


def gather(
    inputs: Inputs,
    calibration: Any = None,
    images: Any = None,
    labels: Any = None,
    synthesize: Callable[[], tuple[Arrays, str]] | None = None,
) -> Pictures:
    """The pictures of an export, from whatever a caller gives.

    Args:
      inputs: of the model that takes them.
      calibration, images, labels: as `export` takes them.
      synthesize: makes calibration pictures, and a note on them, in the place of `calibration`.

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
