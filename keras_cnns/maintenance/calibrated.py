"""Weights like those of a trained network, in seconds: what file formats and runtimes are measured on.

With freshly initialized weights measurements mean little: tiny ranges keep int8 additions out of XNNPACK, and all
pictures get nearly the same scores.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.builder import build, info
from keras_cnns.graph.keras_internals import sublayers

CLASSES, RIDGE = 10, 1.0


def shape_at(name: str, size: int) -> tuple[int, int, int]:
    """The input shape of a network at `size` pixels: no more than its own size, no less than it runs at."""
    about = info(name)
    height, width, channels = about["input_shape"]
    least = about["columns"]["min_size"]
    rows, columns = (min(n, max(size, least)) for n in (height, width))
    return rows, columns, channels


def build_calibrated(name: str, size: int, images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """The network `name` with ten classes, its preprocessing inside, and calibrated weights."""
    model = build(name, input_shape=shape_at(name, size), classes=CLASSES, include_preprocessing=True)
    return calibrate(model, images, labels)


def pictures(count: int, shape: tuple[int, ...], high: float = 255.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ten coarse patterns, one for each class, under noise of two sizes.

    Returns:
      Values from 0 to `high` (count, *shape), and labels (count,).
    """
    rng, labels = np.random.default_rng(seed), np.arange(count) % CLASSES
    patterns = np.random.default_rng(0).uniform(0, 1, (CLASSES, 6, 6, shape[-1]))[labels]
    coarse = 0.75 * patterns + 0.25 * rng.uniform(0, 1, patterns.shape)
    rows, columns = (np.arange(n) * 6 // n for n in shape[:2])
    mixed = 0.8 * coarse[:, rows][:, :, columns] + 0.2 * rng.uniform(0, 1, (count, *shape))
    return (high * mixed * rng.uniform(0.4, 1, (count, 1, 1, 1))).astype("f4"), labels


def calibrate(model: keras.Model, images: np.ndarray, labels: np.ndarray, seed: int = 0) -> keras.Model:
    """Gives `model` weights as a trained network has them: random gains and offsets, and statistics of `images`.

    Offsets are positive: where half of every activation is cut off, a random network is chaotic and doubles any error
    every few layers, which a trained one does not. The last layer is fitted to the labels by ridge regression.
    """
    rng = np.random.default_rng(seed)
    for layer in sublayers(model):
        if isinstance(layer, keras.layers.BatchNormalization | keras.layers.GroupNormalization):
            layer.momentum = 0.0  # the statistics are the last batch's, where there are any
            for variable in (layer.gamma, layer.beta):
                if variable is not None:
                    low, high = (0.5, 1.0) if variable is layer.gamma else (0.5, 1.5)
                    variable.assign(rng.uniform(low, high, variable.shape))
        kernel = getattr(layer, "kernel", None)
        if kernel is not None and not np.any(kernel):  # FCN's scores and BiT's head begin with zeros
            kernel.assign(rng.normal(0, np.prod(kernel.shape[:-1]) ** -0.5, kernel.shape))
    # a graph frees what it no longer needs: DenseNet-BC-190 takes 24 GB without
    tf.function(model)([images] if isinstance(model.input, list) else images, training=True)
    _fit_last_layer(model, images, labels)
    return model


def _fit_last_layer(model: Any, images: np.ndarray, labels: np.ndarray) -> None:
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)][-1]
    if last.kernel.shape[-1] != CLASSES or np.prod(last.kernel.shape[:-2]) != 1:
        return
    x = keras.Model(model.inputs[0], last.input).predict(images, verbose=0).astype(np.float64)
    x = x.mean(tuple(range(1, x.ndim - 1)))  # where scores are averaged over positions, so are features
    centre = x.mean(0)
    x = x - centre
    likeness = x @ x.T
    ridge = RIDGE * np.trace(likeness) / len(x) * np.eye(len(x))
    kernel = x.T @ np.linalg.solve(likeness + ridge, np.eye(CLASSES)[labels] - 1 / CLASSES)
    kernel *= 3 / (x @ kernel).std()  # as sure of its classes as a trained network
    last.kernel.assign(kernel.reshape(last.kernel.shape))
    if last.use_bias:
        last.bias.assign(3 - centre @ kernel)
