"""The growth of receptive fields from layer to layer, for several networks."""

import math

from matplotlib.figure import Figure

from keras_cnns.insight.figures.draw import plain
from keras_cnns.profiling.layer_table import LayerProfile, Profile
from keras_cnns.support.errors import BadArgument

LINES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (9, 3)))  # distinguishable in greyscale too
SHADES = ("#0d2747", "#1f77b4", "#8a5a00", "#777777", "#b03060", "#2e7d32")


def growth(profiles: dict[str, Profile]) -> Figure:
    """A figure of the field size after each layer that widens it: convolutions larger than 1x1 and poolings.

    Layers are in the order of computation. Of parallel branches, each layer counts, with the field of its branch.

    Args:
      profiles: {name: `Profile`}.

    Raises:
      UserError: a network has no layer whose field is known.
    """
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.subplots()
    for number, (name, profile) in enumerate(profiles.items()):
        sizes = [max(row.field) for row in profile if _widens(row)]
        if not sizes:
            raise BadArgument(f"{name} has no convolution or pooling whose receptive field is known.")
        style = {"color": SHADES[number % len(SHADES)], "linestyle": LINES[number % len(LINES)]}
        axes.step(range(1, len(sizes) + 1), sizes, where="mid", label=f"{plain(name)}: {sizes[-1]:g} pixels", **style)
    for side in {profile[0].shape[0] for profile in profiles.values()} - {None}:
        axes.axhline(side, linewidth=0.8, color="black")
        axes.annotate(f"a picture of {side}", (0.01, side), xycoords=("axes fraction", "data"), fontsize=7, va="bottom")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("layer with a window larger than 1x1, in the order of computation")
    axes.set_ylabel("receptive field, pixels (log scale)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, title="network: its last field", title_fontsize=8)
    return figure


def _widens(row: LayerProfile) -> bool:
    """Whether the layer has a window larger than 1x1 and a known, finite field."""
    is_known = bool(row.field) and not any(math.isinf(size) for size in row.field)
    return is_known and max(row.kernel, default=1) > 1
