"""How pixels become what a model takes, by name; and whether a model needs another scaling than it gets."""

from typing import TYPE_CHECKING

import numpy as np

from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.support.errors import BadArgument, nearest

if TYPE_CHECKING:
    import keras

LOOKED_AT = 64  # pictures that each scaling is tried on
GOOD = 0.75  # accuracy from which no other scaling is tried
CLEARLY = 0.2  # more accuracy than without: the scaling is named


def scaling(name: str, model: "keras.Model") -> "keras.Model | None":
    """The layers that turn pixels 0 .. 255 into what `model` takes; None for "none".

    Args:
      name: of `PREPROCESSING`: "none", "unit" (0 .. 1), "tf" (-1 .. 1), "torch" (mean and deviation of ImageNet) or
        "caffe" (blue, green, red, less ImageNet's means).
      model: with one picture as its input.

    Raises:
      BadArgument: there is no such name.
    """
    import keras

    if name not in PREPROCESSING:
        known = ", ".join(PREPROCESSING)
        raise BadArgument(f"there is no preprocessing {name!r}: {known}.{nearest(name, PREPROCESSING)}")
    if name == "none":
        return None
    pixels = keras.Input(tuple(model.inputs[0].shape[1:]))
    return keras.Model(pixels, PREPROCESSING[name](pixels), name=f"preprocess_{name}")


def check_scaling(model: "keras.Model", file: str, images: np.ndarray, labels: np.ndarray | None) -> None:
    """Checks that a classifier is not clearly better with another scaling than on pixels 0 .. 255 as they are.

    Args:
      images: [N, H, W, C] in 0 .. 255. labels: [N] class numbers; without them nothing is checked.

    Raises:
      BadArgument: it is, with one of `PREPROCESSING`; the message names that one.
    """
    import keras

    if labels is None or np.ndim(labels) != 1 or len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        return
    classes = int(model.outputs[0].shape[-1])
    chosen = np.unique(np.linspace(0, len(images) - 1, min(LOOKED_AT, len(images))).round().astype(int))
    pictures, right = np.asarray(images[chosen], "float32"), np.asarray(labels)[chosen]
    if classes < 2 or len(chosen) < 8:
        return

    def accuracy(name: str) -> float:
        layers = scaling(name, model)
        x = pictures if layers is None else layers(pictures, training=False)
        return float((keras.ops.convert_to_numpy(model(x, training=False)).argmax(-1) == right).mean())

    before = accuracy("none")
    if before >= GOOD:
        return
    tried = {name: accuracy(name) for name in PREPROCESSING if name != "none"}
    best = max(tried, key=lambda name: tried[name])
    if tried[best] > before + CLEARLY:
        raise BadArgument(
            f"{file} is right on {before:.0%} of the pictures if it gets pixels from 0 to 255, and on "
            f"{tried[best]:.0%} with --preprocess {best}. Add that, or --preprocess none to export it as it is."
        )
