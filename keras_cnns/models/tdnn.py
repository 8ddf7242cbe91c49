"""TDNN. Waibel et al. 1989, "Phoneme Recognition Using Time-Delay Neural Networks", Fig. 2."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import score_dtype
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers, ops
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Waibel et al.",
    1989,
    "Phoneme Recognition Using Time-Delay Neural Networks",
    "IEEE Transactions on Acoustics, Speech, and Signal Processing 37(3)",
)


@dataclass(frozen=True)
class TDNN(Variant):
    """One network.

    Args:
      hidden: units of the first hidden layer. The second one has a unit for each phoneme.
      windows: frames that a unit of each hidden layer sees.
    """

    hidden: int = 8
    windows: tuple[int, int] = (3, 5)
    _: KW_ONLY
    input_shape: tuple[int, int, int] = (15, 16, 1)  # frames of 10 ms, mel coefficients
    classes: int = 3  # B, D, G
    min_size: int = 7
    activation: str = "sigmoid"
    preprocessing: str = "none"


VARIANTS = {"tdnn": TDNN()}


def features(x: Tensor, net: TDNN, unit: ConvUnit) -> dict[str, Tensor]:
    """Level C0: the first hidden layer, 13 frames of 8 units. Its window covers all coefficients and moves in time."""
    unit = replace(unit, normalized=False)
    return {"C0": unit(x, net.hidden, (net.windows[0], x.shape[2]), padding="valid", name="hidden1")}


def predict(levels: Levels, net: TDNN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The second hidden layer, 9 frames with a unit for each phoneme, summed over time."""
    x = replace(unit, normalized=False)(
        levels.last, classes, (net.windows[1], 1), padding="valid", name="hidden2_predictions"
    )
    x = ops.sum(ops.cast(x, "float32"), axis=(1, 2))
    return layers.Activation(activation or "linear", dtype=score_dtype(), name="predictions")(x)


HEAD = Head(predict)
