"""The checks that every network of the registry passes, for any network.

>>> from keras_cnns.testing import check_network
>>> check_network("mobilenet_v2")
>>> check_network(my_model)                    # any functional keras.Model with one picture as input
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.builder import build
from keras_cnns.registry.registry import entry
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.recursion import with_headroom
from keras_cnns.support.temporary_folders import temporary_folder

EXPORTED_DB = 60  # smallest signal to noise ratio of a float32 file; what is missing is rounding in another order

Shape = tuple[int, int, int]


def check_network(network: str | keras.Model, checks: Iterable[str] | None = None) -> None:
    """Checks a network: answers, trains, saves, exports. The model's weights are changed.

    Args:
      network: a name of `list_models()`, built for small pictures, or a functional `keras.Model` with one input
        [batch, height, width, channels] of known size.
      checks: keys of `CHECKS`; all by default.

    Raises:
      AssertionError: a check fails; the message begins with its name.
    """
    for name in checks or CHECKS:
        model = small_network(network) if isinstance(network, str) else network
        try:
            CHECKS[name](model)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def small_shape(name: str) -> Shape:
    """The (height, width, channels) that leaves about two positions a side in the last level."""
    variant: Any = entry(name).variant
    height, width, channels = variant.input_shape
    return (min(2 * variant.min_size, height), min(2 * variant.min_size, width), channels)


def small_network(name: str, **options: Any) -> keras.Model:
    """The network of that name for pictures of `small_shape`, with logits and the weights of `randomize`."""
    return randomize(build(name, input_shape=small_shape(name), **{"classifier_activation": None, **options}))


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Fills every variable as if trained: gains, offsets and statistics differ from 1 and 0. Returns the model.

    Initial weights make all softmax outputs alike and batch normalization the identity, which hides errors.
    """
    rng = np.random.default_rng(seed)
    sums = sum(type(layer).__name__ == "Add" for layer in model.layers)
    gain = min(2, 50 / max(sums, 1))  # 2 keeps the size of a signal through a ReLU; it would grow in a long row of sums
    for layer in model.layers:
        for v in layer.weights:
            shape, name = v.shape, v.path.rsplit("/", 1)[-1]
            if name in ("gamma", "moving_variance", "variance"):
                value = rng.uniform(0.5, 1.5, shape)
            elif name in ("beta", "bias", "moving_mean", "mean"):
                value = rng.normal(0, 0.2, shape)
            elif name == "count":
                continue
            else:
                fan_in = np.prod(shape[:-2] if "Depthwise" in type(layer).__name__ else shape[:-1])
                value = rng.normal(0, (gain / fan_in) ** 0.5, shape)
            v.assign(value.astype("float32"))
        if hasattr(layer, "finalize_state"):  # Normalization computes with constants made from its variables
            layer.finalize_state()
    return model


def pictures(count: int, shape: Sequence[int], seed: int = 0, high: float = 1.0) -> np.ndarray:
    """Synthetic pictures of coarse and fine patterns with values from 0 to `high`, float32 [count, *shape]."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    coarse = rng.uniform(0, 1, (count, 4, 4, channels))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    fine = rng.uniform(0, 1, (count, *shape))
    return (high * (0.7 * coarse[:, rows][:, :, columns] + 0.3 * fine)).astype("float32")


def samples(model: keras.Model, count: int, seed: int = 0) -> Any:
    """Inputs of the model for `count` pictures: the pictures, or a list of them and boxes if it takes boxes."""
    inputs = []
    for tensor in model.inputs:
        shape = tensor.shape[1:]
        if len(shape) == 3:
            inputs.append(pictures(count, shape, seed))
        else:  # boxes inside the picture, (x1, y1, x2, y2)
            height, width = model.inputs[0].shape[1:3]
            corners = np.random.default_rng(seed).uniform(0, 1, (count, shape[0] or 5, 2, 2))
            inputs.append(
                (np.sort(corners, 2).reshape(count, -1, 4) * [width, height, width, height]).astype("float32")
            )
    return inputs[0] if len(inputs) == 1 else inputs


def check_answers(model: keras.Model) -> None:
    """The outputs are finite, and differ between two pictures."""
    outputs = keras.tree.flatten(model(samples(model, 2), training=False))
    outputs = [keras.ops.convert_to_numpy(y) for y in outputs]
    assert all(np.isfinite(y).all() for y in outputs), "an output is not finite"
    assert any(not np.array_equal(y[0], y[1]) for y in outputs), "two pictures have the same output"


def check_levels(levels: Mapping[str, Sequence[int]], shape: Sequence[int]) -> None:
    """Level n is 2**n times smaller than the picture. levels: {"C3": shape without the batch}; shape: the picture's."""
    assert list(levels) == sorted(levels), f"the levels are out of order: {list(levels)}"
    for level, level_shape in levels.items():
        for size, n in zip(shape[:2], level_shape[:2], strict=True):
            share = size / 2 ** int(level.removeprefix("C"))  # a little less without padding
            assert 0.75 * share - 2 <= n <= share + 1, f"{level} has shape {level_shape} for a picture of {shape}"


def check_trains(model: keras.Model) -> None:
    """Two gradient steps change every trainable variable and lower the loss. The model ends in logits."""
    import tensorflow as tf

    images = pictures(8, model.input_shape[1:]) - 0.5
    _, *places, classes = model.outputs[0].shape  # a label for each picture, or for each pixel
    labels = np.random.default_rng(0).integers(0, classes, (8, *places))
    seeds = [(v, v.numpy()) for v in model.non_trainable_variables if "seed" in v.path]

    def loss_of(batch: slice) -> Any:
        for v, value in seeds:  # the same dropout in every pass
            v.assign(value)
        outputs = keras.tree.flatten(model(images[batch], training=True))
        losses = [keras.losses.sparse_categorical_crossentropy(labels[batch], y, from_logits=True) for y in outputs]
        return tf.reduce_mean(losses)

    before = [v.numpy() for v in model.trainable_variables]
    for batch in (slice(0, 4), slice(4, 8)):
        with tf.GradientTape() as tape:
            loss = loss_of(batch)
        variables = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        # each variable along its gradient, by the same fraction of its own length, so that the loss would fall by a
        # fiftieth if it were linear
        lengths = [max(float(tf.norm(v.value)), 1e-2) for v in model.trainable_variables]
        slopes = [float(tf.norm(g)) for g in gradients]
        share = 0.02 * float(loss) / sum(n * slope for n, slope in zip(lengths, slopes, strict=True))
        for v, g, n, slope in zip(model.trainable_variables, gradients, lengths, slopes, strict=True):
            v.assign_sub(share * n / max(slope, 1e-30) * g)
        after = loss_of(batch)
        assert after < loss, f"a gradient step changes the loss from {loss:.6f} to {after:.6f}"
    still = [
        v.path
        for v, old, slope in zip(model.trainable_variables, before, slopes, strict=True)
        # in a network of a thousand layers a step may be too small to change a gain of 1
        if np.array_equal(v.numpy(), old) and not (len(before) > 1000 and 0 < slope < np.inf)
    ]
    assert not still, f"{len(still)} of {len(before)} variables did not change: {still[:5]}"


def check_saves(model: keras.Model) -> None:
    """Saved and loaded without custom objects, it has bit-identical outputs."""
    images = samples(model, 2)
    expected = keras.tree.flatten(model(images, training=False))
    with temporary_folder() as folder:
        model.save(Path(folder, "model.keras"))
        file = Path(folder, "model.keras")
        # Keras reads a network by recursion, and one has 1,202 layers
        loaded = with_headroom(lambda: keras.saving.load_model(file, compile=False))
    for y, z in zip(expected, keras.tree.flatten(loaded(images, training=False)), strict=True):
        y, z = keras.ops.convert_to_numpy(y), keras.ops.convert_to_numpy(z)
        assert np.array_equal(y, z), f"after loading, the outputs differ by up to {np.abs(y - z).max():g}"


def check_exports(model: keras.Model) -> None:
    """Its float32 `.tflite` file has the model's outputs."""
    from keras_cnns.tflite import export

    with temporary_folder() as folder:
        report = export(model, Path(folder, "model.tflite"), images=samples(model, 4))
    assert report.status != "fail", f"the file is rejected: {', '.join(report.reasons)}"
    if report.snr_db is not None:  # boxes are compared by their overlap
        assert report.snr_db > EXPORTED_DB, f"the file's outputs have {report.snr_db:.0f} dB"


CHECKS: dict[str, Callable[[Any], None]] = {
    "answers": check_answers,
    "trains": check_trains,
    "saves": check_saves,
    "exports": check_exports,
}
