"""Activation maximization: a picture that excites a unit. Simonyan et al. 2013, 1312.6034; Olah et al. 2017, Distill.

Bare gradient ascent finds noise. Here the picture is written in frequencies, the high ones weaker as in photographs,
and is shifted a little at every step, so that only what survives a shift grows.
"""

import numpy as np
import tensorflow as tf

from keras_cnns.errors import UserError
from keras_cnns.insight import targets
from keras_cnns.insight.network import Network

# photographs' colours hardly vary against each other: the directions in which they do, strongest first (Olah et al.)
COLOURS = np.array([[0.56, 0.19, 0.05], [0.58, 0.0, -0.1], [0.56, -0.19, 0.05]], "float32")


def maximize(model, target, *, size=None, steps=200, rate=0.05, shift=8, low=0.0, high=255.0, decay=1.0, seed=0):
    """A picture [h, w, c] with values low .. high that gives the target a high score.

    Args:
      model: a functional Keras model of one picture.
      target: a class number or a callable of `targets.py`, such as Unit("conv3", 7).
      size: (height, width), where the model leaves them open.
      steps, rate: of Adam.
      shift: largest shift in pixels; 0: none.
      low, high: what black and white are for the model.
      decay: how much weaker high frequencies are: amplitude 1 / frequency ** decay; 0: all alike.
      seed: of the picture it begins with and of the shifts.

    Raises:
      UserError: there is no such class, layer or channel; a size is missing; nothing moves the target.
    """
    network, target = model if isinstance(model, Network) else Network(model), targets.of(target)
    model = network.model
    shape = network.shape if size is None or len(network.shape) != 3 else (*size, network.shape[-1])
    if None in shape or len(shape) != 3 or any(n not in (None, m) for n, m in zip(network.shape, shape, strict=True)):
        raise UserError(f"{model.name} takes pictures of {network.shape}: give size=(height, width).")
    spectrum, picture = _painter(shape, decay, seed)
    random = tf.random.Generator.from_seed(seed)

    @tf.function(jit_compile=False, autograph=False)
    def step(first, second, count, rule):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(spectrum)
            pixels = low + (high - low) * picture(spectrum)
            moved = tf.roll(pixels, random.uniform([2], -shift, shift + 1, tf.int32), axis=(0, 1))
            score = target(network.run(moved[None], last=network.last(target), rule=rule)[0])[0]
        gradient = tape.gradient(score, spectrum)
        if gradient is None:
            raise UserError("what is asked for does not depend on the picture.")
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        spectrum.assign_add(rate * (first / (1 - 0.9**count)) / (tf.sqrt(second / (1 - 0.999**count)) + 1e-8))
        return first, second

    state = tf.zeros_like(spectrum), tf.zeros_like(spectrum)
    for count in range(1, steps + 1):
        state = step(*state, tf.constant(float(count)), _opening if count <= steps // 2 else None)
    return np.asarray(low + (high - low) * picture(spectrum))


def _opening(x, y):
    """A rectifier's output whose gradient also reaches closed units that should open; their own would be 0."""

    @tf.custom_gradient
    def passed(x):
        return tf.identity(tf.stop_gradient(y)), lambda g: tf.where((x > 0) | (g > 0), g, 0.0)

    return passed(x)


def _painter(shape, decay, seed):
    """A variable that holds a picture's frequencies, and the function from it to pixels 0 .. 1, [h, w, c]."""
    height, width, channels = shape
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    scale = (frequency**-decay * np.sqrt(height * width) / 4).astype("float32")
    start = np.random.default_rng(seed).normal(0, 0.01, (2, channels, *scale.shape)).astype("float32")
    mix = COLOURS / np.linalg.norm(COLOURS, axis=0).max() if channels == 3 else np.eye(channels, dtype="float32")

    def picture(spectrum):
        waves = tf.signal.irfft2d(tf.complex(spectrum[0], spectrum[1]) * tf.cast(scale, tf.complex64), [height, width])
        return tf.sigmoid(tf.einsum("chw,dc->hwd", waves, mix))

    return tf.Variable(start), picture
