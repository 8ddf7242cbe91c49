"""A row of a paper's table: the columns that every family has."""

from dataclasses import dataclass, field
from typing import Any

from keras_cnns.blocks.conv import KERAS, Numerics
from keras_cnns.blocks.preprocessing import Preprocessing


@dataclass(frozen=True)
class Paper:
    """First author, year, title, and where to read it (an arXiv number or a journal)."""

    authors: str
    year: int
    title: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The columns that every row has; a family adds its own. `build` can override each of them, except `paper`.

    A family that gives one of these columns another default does so after `_: KW_ONLY`.

    Args:
      input_shape: height, width, channels, as published.
      classes: as published.
      min_size: the smallest height or width that leaves at least one position in the last level.
      numerics: padding, epsilon and the other details in which implementations of one architecture differ.
      activation: the activation of the network's convolutions.
      initializer: the initializer of the network's kernels.
      preprocessing: a name in blocks/preprocessing.py, or a `Preprocessing`.
      dropout: the rate before the class scores.
      paper: the paper of this row, if it is not the one of its file.
    """

    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    min_size: int = 32
    numerics: Numerics = KERAS
    activation: str = "relu"
    initializer: str | dict[str, Any] = "glorot_uniform"
    preprocessing: str | Preprocessing = "tf"
    dropout: float = 0.0
    paper: Paper | None = None


@dataclass(frozen=True, kw_only=True)
class OnBackbone(Variant):
    """A row of a network that stands on the levels of another one.

    Args:
      backbone: the name of a network that has levels of its own, such as "resnet50".
      columns: columns of the backbone's row that are overridden.
    """

    backbone: str
    columns: dict[str, Any] = field(default_factory=dict)
