"""The pictures of an export: what ranges are measured on, what is compared on, and what is to be said of them."""

from dataclasses import dataclass

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.inputs import pictures, synthetic

MADE_UP = "compared on made-up pictures, which says nothing of classes: give images"


@dataclass(frozen=True)
class Given:
    """Pictures by input name: what ranges are measured on (all of it and thinned), and what is compared on."""

    calibration: dict | None
    thinned: dict | None
    images: dict
    labels: object
    notes: tuple


def gathered(network, row, scheme, calibration, images, labels):
    """Calibration, images and labels, and what is to be said about where they come from."""
    model, names, notes = network.model, network.inputs, ()
    if isinstance(calibration, str) and calibration == synthetic.WORD:
        calibration, note = network.once(synthetic.WORD, (), lambda: synthetic.synthetic(network))
        notes = (note,)
    elif calibration is not None:
        limit = None if images is None and labels is not None else pictures.CALIBRATION_PICTURES
        calibration = pictures.gather(calibration, model, names, "calibration", limit=limit)
    elif row.calibrated and not network.is_quantization_aware:
        raise UserError(f"{scheme} needs calibration pictures: give calibration=, some dozens as the model takes them.")
    labels = None if labels is None else pictures.label_array(labels)
    if images is not None:
        images = pictures.gather(images, model, names, "images")
    elif calibration is not None:
        images = calibration
        if row.calibrated:
            notes += ("compared on the calibration pictures themselves: give images it has not seen",)
    elif labels is not None:
        raise UserError("labels need the images they belong to: give images=.")
    else:
        images, notes = pictures.made_up(model, names), (MADE_UP,)
    if calibration is not None:
        notes += pictures.compare_ranges(calibration, images)
    return Given(calibration, calibration and pictures.thin(calibration), images, labels, notes)
