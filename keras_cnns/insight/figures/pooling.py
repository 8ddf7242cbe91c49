"""Kinds of pooling side by side on one picture: what each keeps and what it loses."""

import numpy as np
from keras import layers
from matplotlib.figure import Figure

from keras_cnns.insight.figures.draw import show

KINDS = {
    "largest (max)": lambda x, k: layers.MaxPooling2D(k)(x),
    "mean (average)": lambda x, k: layers.AveragePooling2D(k)(x),
    "overlapping largest": lambda x, k: layers.MaxPooling2D(k + k // 2, k, "same")(x),
    "every n-th (stride)": lambda x, k: x[:, k // 2 :: k, k // 2 :: k],
    "global mean": lambda x, k: layers.GlobalAveragePooling2D(keepdims=True)(x),
}


def pooled(picture, window):
    """{kind: what it leaves of a picture [h, w, c]}; window: side and stride in pixels."""
    return {name: np.asarray(pool(picture[None], window))[0] for name, pool in KINDS.items()}


def pooling(picture, window=8):
    """A picture [h, w, c] in 0 .. 1 and what each kind of pooling leaves of it."""
    found = {"picture": picture, **pooled(picture, window)}
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    for axes, (name, one) in zip(figure.subplots(2, 3).ravel(), found.items(), strict=True):
        show(axes, one)
        height, width, _ = one.shape
        axes.set_title(f"{name}: {height} x {width}", fontsize=9, loc="left")
        axes.set_xlabel("column, positions", fontsize=8)
        axes.set_ylabel("row, positions", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_xticks([*range(0, width, max(1, width // 4))])
        axes.set_yticks([*range(0, height, max(1, height // 4))])
    return figure
