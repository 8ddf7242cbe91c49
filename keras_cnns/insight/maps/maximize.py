"""Activation maximization: a picture that excites a unit. Simonyan et al. 2013, 1312.6034; Olah et al. 2017, Distill.

Bare gradient ascent finds noise. Here the picture is written in frequencies, the high ones weaker as in photographs,
and the gradient is that of several copies, each turned, enlarged and shifted a little, so that only what survives this
grows. Its length is always the same: steps scaled for each frequency alone (Adam) would end in noise again.
"""

import numbers
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps import targets
from keras_cnns.insight.maps.arguments import pixel_range, real_number, whole_number
from keras_cnns.insight.maps.inspected_model import InspectedModel, Rule, inspected
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import every, short

# photographs' colours hardly vary against each other: the directions in which they do, strongest first (Olah et al.)
COLOURS = np.array([[0.56, 0.19, 0.05], [0.58, 0.0, -0.1], [0.56, -0.19, 0.05]], "float32")
COPIES = 4
MOMENTUM = 0.9


def maximize(
    model: keras.Model | InspectedModel,
    target: targets.TargetLike,
    *,
    size: tuple[int, int] | None = None,
    steps: int = 100,
    rate: float = 0.2,
    shift: float = 0.05,
    turn: float = 10,
    zoom: float = 0.15,
    low: float = 0.0,
    high: float = 255.0,
    decay: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """A picture [h, w, c] with values low .. high that gives the target a high score.

    Args:
      model: a functional Keras model of one picture.
      target: a class number or a callable such as Unit("conv3", 7), which without a position is the one in the middle.
      size: (height, width) in pixels, for a model of open size.
      steps, rate: of gradient ascent; the rate falls linearly to 0.
      shift, turn, zoom: the largest movement of a copy: a part of its size, degrees, a part of its size; 0: none.
      low, high: the values of black and white for the model.
      decay: high frequencies have the amplitude 1 / frequency ** decay; 0: all are equally strong.
      seed: of the first picture and of the movements.

    Returns:
      float32 [h, w, c].

    Raises:
      UserError: there is no such class, layer or channel, an argument is out of range, a size is missing, or the target
        does not depend on the picture.

    >>> picture = insight.maximize(model, insight.Unit("conv3", 7))
    """
    steps, seed = whole_number("steps", steps), whole_number("seed", seed, least=0)
    rate, decay = real_number("rate", rate), real_number("decay", decay)
    shift, turn = real_number("shift", shift, least=0), real_number("turn", turn, least=0)
    zoom = real_number("zoom", zoom, least=0)
    low, high = pixel_range(low, high)
    if size is not None and not (every(size, numbers.Integral) and len(size) == 2 and min(size) >= 1):
        raise BadArgument(f"size is {short(size)}: it must be (height, width) in pixels.")
    network, target = inspected(model), _one_class(targets.of(target))
    model = network.model
    shape = network.shape if size is None or len(network.shape) != 3 else (*size, network.shape[-1])
    if None in shape or len(shape) != 3 or any(n not in (None, m) for n, m in zip(network.shape, shape, strict=True)):
        raise BadArgument(f"{model.name} takes pictures of {network.shape}: give size=(height, width).")
    if isinstance(target, targets.Unit) and target.position is None:
        value = network.run(np.full((1, *shape), low, "float32"), last=network.last(target))[0]
        target = replace(target, position=tuple(n // 2 for n in value.shape[1:-1]) or None)
    spectrum, waves, picture = _painter(shape, decay, seed)
    random = tf.random.Generator.from_seed(seed)

    @tf.function(jit_compile=False, autograph=False)
    def direction(rule: Rule | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the scores grow, as a change of one on the average, and whether it is anywhere."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(spectrum)
            pixels = low + (high - low) * picture(spectrum)
            copies = _moved(tf.repeat(pixels[None], COPIES, axis=0), random, shift, np.deg2rad(turn), zoom)
            scores = network.score(target, network.run(copies, last=network.last(target), rule=rule)[0])
        gradient = tape.gradient(scores, spectrum)
        if gradient is None:
            raise BadArgument("the target does not depend on the picture.")
        length = tf.sqrt(tf.reduce_mean(waves(gradient) ** 2))
        return tf.math.divide_no_nan(gradient, length), length > 0

    velocity, begun = tf.zeros_like(spectrum), False
    for count in range(steps):
        gradient, moves = direction(None)
        begun = begun or bool(moves)
        if not begun:
            gradient, _ = direction(_opening)
        velocity = MOMENTUM * velocity + (1 - MOMENTUM) * gradient
        spectrum.assign_add(rate * (1 - count / steps) * velocity)
    result = np.asarray(low + (high - low) * picture(spectrum))
    if not np.isfinite(result).all():
        raise BadArgument(f"{model.name} computes values that are not finite: check its weights.")
    return result


def _one_class(target: targets.Target) -> targets.Target:
    """The target. Raises BadArgument if it has a class for each of several pictures."""
    if isinstance(target, targets.Class) and isinstance(target.index, tuple) and len(target.index) > 1:
        raise BadArgument(f"the target is the classes {short(target.index)}: a picture is made for one class.")
    return target


def _opening(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """A rectifier's output whose gradient reaches it even where it is closed: for a unit that nothing opens as yet."""

    @tf.custom_gradient
    def passed(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return tf.identity(tf.stop_gradient(y)), lambda g: tf.where((x > 0) | (g > 0), g, 0.0)

    return passed(x)


def _moved(pictures: tf.Tensor, random: tf.random.Generator, shift: float, turn: float, zoom: float) -> tf.Tensor:
    """Each picture turned, enlarged and shifted around its middle by chance; what comes in from outside is mirrored."""
    count, height, width, _ = pictures.shape
    angle = random.uniform([count], -float(turn), float(turn))
    scale = 1 + random.uniform([count], -float(zoom), float(zoom))
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    x, y = (width - 1) / 2, (height - 1) / 2
    right, down = (side * random.uniform([count], -float(shift), float(shift)) for side in (width, height))
    rows = [cosine, -sine, x - cosine * x + sine * y + right, sine, cosine, y - sine * x - cosine * y + down]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([*rows, tf.zeros(count), tf.zeros(count)], axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _painter(
    shape: tuple[int, ...], decay: float, seed: int
) -> tuple[tf.Variable, Callable[[tf.Tensor], tf.Tensor], Callable[[tf.Tensor], tf.Tensor]]:
    """A variable that holds a picture's frequencies, and the functions from it to waves and to pixels, [h, w, c]."""
    height, width, channels = shape
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    scale = (frequency**-decay * np.sqrt(height * width) / 4).astype("float32")
    start = np.random.default_rng(seed).normal(0, 0.01, (2, channels, *scale.shape)).astype("float32")
    mix = COLOURS / np.linalg.norm(COLOURS, axis=0).max() if channels == 3 else np.eye(channels, dtype="float32")

    def waves(spectrum: tf.Tensor) -> tf.Tensor:
        weighted = tf.complex(spectrum[0], spectrum[1]) * tf.cast(scale, tf.complex64)
        colours = tf.signal.irfft2d(weighted, [height, width])
        return tf.einsum("chw,dc->hwd", colours, mix)

    return tf.Variable(start), waves, lambda spectrum: tf.sigmoid(waves(spectrum))
