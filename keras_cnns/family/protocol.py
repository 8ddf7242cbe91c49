"""What a file in `models/` is made of: a paper, rows of its table, and what every row carries besides."""

from dataclasses import dataclass

from keras_cnns.blocks.conv import KERAS, Numerics


@dataclass(frozen=True)
class Paper:
    """First author, year, title and where to read it (an arXiv number or a journal)."""

    authors: str
    year: int
    title: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The columns every family's row has; a family adds its own. Each can be overridden in `build`.

    A family that gives one of these another default says so after `_: KW_ONLY`.

    input_shape: height, width, channels, as published. min_size: the smallest height or width that leaves
      at least one position in the last level. preprocessing: a name in blocks/preprocessing.py.
    """

    input_shape: tuple = (224, 224, 3)
    classes: int = 1000
    min_size: int = 32
    numerics: Numerics = KERAS
    activation: str = "relu"
    initializer: str | dict = "glorot_uniform"
    preprocessing: str = "tf"
    dropout: float = 0.0
    task: str = "classification"
