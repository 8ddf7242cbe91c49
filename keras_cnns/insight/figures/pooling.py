"""Kinds of pooling side by side on one picture."""

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


def pooled(picture: np.ndarray, window: int) -> dict[str, np.ndarray]:
    """{kind: the pooled picture}, for a picture [height, width, channels] and windows of `window` pixels."""
    return {name: np.asarray(pool(picture[None], window))[0] for name, pool in KINDS.items()}


def pooling(picture: np.ndarray, window: int = 8) -> Figure:
    """A figure of a picture [height, width, channels] in 0..1 and of its pooled versions.

    window: side and stride of the windows, in pixels.
    """
    pictures = {"picture": picture, **pooled(picture, window)}
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    for axes, (name, result) in zip(figure.subplots(2, 3).ravel(), pictures.items(), strict=True):
        show(axes, result)
        height, width, _ = result.shape
        axes.set_title(f"{name}: {height} x {width}", fontsize=9, loc="left")
        axes.set_xlabel("column, positions", fontsize=8)
        axes.set_ylabel("row, positions", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_xticks([*range(0, width, max(1, width // 4))])
        axes.set_yticks([*range(0, height, max(1, height // 4))])
    return figure
