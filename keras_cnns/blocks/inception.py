"""Inception modules. Szegedy et al. 2014, 1409.4842, Fig. 2, and its successors.

A module is a dict of branches, a branch is a list of steps, and a step is a tuple:

  (channels, kernel, stride, padding)          a convolution; the kernel may be (height, width)
  ("max" or "avg", window, stride, padding)    a pooling
  (step, step)                                 two steps side by side, concatenated ("expanded filter bank")

The stride may be omitted (1), and so may the padding (the numerics decide). "V" means no padding, as in the papers.
"""

from typing import Any, TypeAlias

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

POOLINGS = ("max", "avg")
Step: TypeAlias = tuple[Any, ...]  # see above


def module(x: Tensor, branches: dict[str, list[Step]], *, unit: ConvUnit, name: str) -> Tensor:
    """The concatenated branches: [batch, height, width, channels] -> [batch, h, w, sum of the branches' channels].

    The layers of branch b are named {name}_{b}.

    Example:
      x = module(x, {"1x1": [(64, 1)], "3x3": [(96, 1), (128, 3)], "pool": [("max", 3), (32, 1)]}, unit=unit, name="3a")
    """
    outputs = [chain(x, steps, unit=unit, name=f"{name}_{branch}") for branch, steps in branches.items()]
    return layers.Concatenate(name=name)(outputs)


def chain(x: Tensor, steps: list[Step], *, unit: ConvUnit, name: str) -> Tensor:
    """Applies the steps of a branch in order.

    The convolutions are named {name}_1, {name}_2 ..., or {name} if there is only one.
    """
    several, number = sum(step[0] not in POOLINGS for step in steps) > 1, 0
    for step in steps:
        number += step[0] not in POOLINGS
        x = apply(x, step, unit=unit, name=f"{name}_{number}" if several else name)
    return x


def apply(x: Tensor, step: Step, *, unit: ConvUnit, name: str) -> Tensor:
    """Applies one step. The two of a pair are named {name}a and {name}b."""
    if isinstance(step[0], tuple):
        pair = [apply(x, part, unit=unit, name=f"{name}{letter}") for part, letter in zip(step, "ab", strict=True)]
        return layers.Concatenate(name=name)(pair)
    operation, kernel, stride, padding = step + (1, None)[len(step) - 2 :]
    padding = "valid" if padding == "V" else padding
    if operation in POOLINGS:
        pool = unit.max_pool if operation == "max" else unit.average_pool
        return pool(x, kernel, stride, padding=padding, name=f"{name}_pool")
    return unit(x, operation, kernel, stride=stride, padding=padding, name=name)


def residual(
    x: Tensor,
    branches: dict[str, list[Step]],
    *,
    scale: float,
    linear: bool = False,
    unit: ConvUnit,
    name: str,
) -> Tensor:
    """A residual module: y = x + scale * 1x1(module(x)), of the shape of x. Szegedy et al. 2016, 1602.07261, Fig. 20.

    linear: whether to leave out the activation after the sum.
    """
    y = module(x, branches, unit=unit, name=name)
    y = unit.conv(y, x.shape[-1], 1, bias=unit.numerics.free_bias, name=f"{name}_up")
    x = layers.Add(name=f"{name}_add")([x, layers.Rescaling(scale, name=f"{name}_scale")(y)])
    return x if linear else unit.act(x, name=f"{name}_out")
