"""What turns levels into an answer, and what the rest of the package needs to know about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import classifier
from keras_cnns.family.variant import Variant
from keras_cnns.support.errors import UserError
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.types import Tensor

Row = TypeVar("Row", bound=Variant, contravariant=True)


@dataclass(frozen=True)
class Levels:
    """What a head is built on.

    Args:
      image: the network's input, before preprocessing and padding.
      by_name: {"C3": tensor}; level n is 2**n smaller than the picture.
      inputs: further inputs of the network, by name, as `Head.inputs` made them.
    """

    image: Tensor
    by_name: dict[str, Tensor]
    inputs: dict[str, Tensor] = field(default_factory=dict)

    @property
    def last(self) -> Tensor:
        """The last level."""
        return list(self.by_name.values())[-1]

    def __getitem__(self, name: str) -> Tensor:
        """The level called `name`, or the output of the layer of that name. Raises UserError if there is neither."""
        if name in self.by_name:
            return self.by_name[name]
        if name == "C5":  # a backbone of fewer levels ends in its last one
            return self.last
        try:
            return keras.Model(self.image, list(self.by_name.values())).get_layer(name).output
        except ValueError:
            known = ", ".join(self.by_name)
            raise UserError(f"the backbone has neither a level nor a layer {name!r}: its levels are {known}.") from None


def level_number(name: str) -> int:
    """n of the level "Cn", which is 2**n smaller than the picture."""
    return int(name.removeprefix("C"))


class Predict(Protocol[Row]):
    """Builds the layers of a head and returns the network's output, a tensor or several of them."""

    def __call__(self, levels: Levels, net: Row, unit: ConvUnit, /, *, classes: int, activation: str | None) -> Any: ...


def no_auxiliary(levels: Levels, net: Variant, unit: ConvUnit, **options: Any) -> list[Tensor]:
    """No further outputs."""
    return []


def no_inputs(net: Variant) -> dict[str, Tensor]:
    """The picture is the only input."""
    return {}


def no_padding(x: Tensor, net: Variant) -> Tensor:
    """The backbone gets the picture as it is."""
    return x


def one_box(net: Variant) -> int:
    """Each position has one set of class scores."""
    return 1


@dataclass(frozen=True)
class Head(Generic[Row]):
    """The head of a family's networks.

    Args:
      predict: builds the output.
      task: "classification", "segmentation" or "detection".
      scores: parts of the names of the layers whose size follows the number of classes. The first one gives the class
        scores.
      background: how many classes those layers have besides the ones that are counted.
      auxiliary: builds the outputs of auxiliary classifiers: a list, empty where the row has none.
      inputs: makes the inputs besides the picture, by name.
      pad: pads the picture before it enters the backbone.
      proposes: the network proposes its own regions, and training them has a loss of its own.
      boxes: the number of boxes at each position of the layer that gives the class scores.
      assignment: of a one-stage detector, the rule by which training assigns objects to its boxes, a key of
        `ONE_STAGE` in tasks/by_name.py; "" for other networks.
    """

    predict: Predict[Row]
    task: str = "classification"
    scores: tuple[str, ...] = ("predictions",)
    background: int = 0
    auxiliary: Callable[..., list[Tensor]] = no_auxiliary
    inputs: Callable[[Row], dict[str, Tensor]] = no_inputs
    pad: Callable[[Tensor, Row], Tensor] = no_padding
    proposes: bool = False
    boxes: Callable[[Row], int] = one_box
    assignment: str = ""

    def outputs(self, levels: Levels, net: Row, unit: ConvUnit, *, classes: int, activation: str | None) -> Any:
        """The output of `predict`, in a list with those of auxiliary classifiers where the row has any."""
        answer = self.predict(levels, net, unit, classes=classes, activation=activation)
        more = self.auxiliary(levels, net, unit, classes=classes, activation=activation)
        return [answer, *more] if more else answer


def _global_pooling(levels: Levels, net: Variant, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    return classifier(levels.last, net, classes=classes, activation=activation)


GLOBAL_POOLING: Head[Variant] = Head(_global_pooling)  # global average pooling, dropout and one dense layer
