"""Inception modules. Szegedy et al. 2014, 1409.4842, Fig. 2, and all that came after.

A module is a dict of branches, a branch a list of steps, and a step a tuple:

  (channels, kernel, stride, padding)          a convolution; a kernel may be (height, width)
  ("max" or "avg", window, stride, padding)
  (step, step)                                 an expanded filter bank: both, side by side

The stride may be left out (1), and the padding (the numerics decide); "V" is the papers' mark of no padding.
"""

from keras_cnns.support.lazy_imports import layers


def module(x, branches, *, unit, name):
    """The branches side by side, concatenated. Branch b is called {name}_{b}."""
    outputs = [chain(x, steps, unit=unit, name=f"{name}_{branch}") for branch, steps in branches.items()]
    return layers.Concatenate(name=name)(outputs)


def chain(x, steps, *, unit, name):
    """One step after the other. Convolutions are called {name}_1, {name}_2 ..., or {name} where there is only one."""
    several, number = sum(step[0] not in POOLINGS for step in steps) > 1, 0
    for step in steps:
        number += step[0] not in POOLINGS
        x = apply(x, step, unit=unit, name=f"{name}_{number}" if several else name)
    return x


def apply(x, step, *, unit, name):
    """One step; the two of a pair are called {name}a and {name}b."""
    if isinstance(step[0], tuple):
        pair = [apply(x, part, unit=unit, name=f"{name}{letter}") for part, letter in zip(step, "ab", strict=True)]
        return layers.Concatenate(name=name)(pair)
    what, kernel, stride, padding = step + (1, None)[len(step) - 2 :]
    padding = "valid" if padding == "V" else padding
    if what in POOLINGS:
        pool = unit.max_pool if what == "max" else unit.average_pool
        return pool(x, kernel, stride, padding=padding, name=f"{name}_pool")
    return unit(x, what, kernel, stride=stride, padding=padding, name=name)


POOLINGS = ("max", "avg")


def residual(x, branches, *, scale, linear=False, unit, name):
    """A module, a 1x1 convolution to the input's channels, scaled and added. Szegedy et al. 2016, 1602.07261, Fig. 20.

    linear: no activation after the sum.
    """
    y = module(x, branches, unit=unit, name=name)
    y = unit.conv(y, x.shape[-1], 1, bias=unit.numerics.free_bias, name=f"{name}_up")
    x = layers.Add(name=f"{name}_add")([x, layers.Rescaling(scale, name=f"{name}_scale")(y)])
    return x if linear else unit.act(x, name=f"{name}_out")
