"""What a module in `models/` offers. The table in registry/registry.py holds every module to it, checked by mypy."""

from collections.abc import Mapping
from typing import Protocol, TypeVar, runtime_checkable

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.family.head import Head
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

Row = TypeVar("Row", bound=Variant)


class Family(Protocol[Row]):
    """Networks of one paper, as a module in `models/` describes them.

    The rows are of one dataclass, a `Variant`, or an `OnBackbone` where the networks stand on the levels of others.
    """

    @property
    def PAPER(self) -> Paper:  # noqa: N802
        """Where the networks are published."""
        ...

    @property
    def VARIANTS(self) -> Mapping[str, Row]:  # noqa: N802
        """{name: its row}, in the order of the paper's table."""
        ...

    @property
    def HEAD(self) -> Head[Row]:  # noqa: N802
        """What stands on the levels."""
        ...


@runtime_checkable
class WithLevels(Family[Row], Protocol[Row]):
    """A family whose networks have levels of their own, and so can be backbones."""

    def features(self, x: Tensor, net: Row, unit: ConvUnit, /) -> dict[str, Tensor]:
        """The levels of the network on the picture `x`, {"C1": tensor ...}, finest first. See `Levels.by_name`."""
        ...
