"""Synthetic calibration pictures, made so that every batch normalization sees the statistics of its training.

They start as noise and are changed by gradients (Cai et al. 2020, ZeroQ, https://arxiv.org/abs/2001.00281), until the
mean and the deviation of each channel are the statistics that the layer keeps. These say nothing about layers behind
the last batch normalization. So each picture of a classifier is also made to show one class (Yin et al. 2020,
DeepInversion, https://arxiv.org/abs/1912.08795): otherwise the scores of real pictures would exceed the measured
ranges.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.inputs.pictures import noise
from keras_cnns.tflite.inputs.structures import Inputs

WORD = "synthetic"
COUNT, STEPS, RATE = 16, 40, 0.05  # pictures, steps of Adam, its first rate as a share of the pictures' range
SURE, SURENESS = ("classifier", "logits"), 1.0  # outputs that a picture is made sure of, and how much that counts
COARSE = 8  # rows and columns of the patches in the first noise
NOTE = "calibrated on {} synthetic pictures made from the statistics of {} batch normalizations, on no real one"


def synthetic(
    graph: Graph, names: list[str], kinds: list[str], *, count: int = COUNT, steps: int = STEPS, seed: int = 0
) -> tuple[dict[str, np.ndarray], str]:
    """`({input name: (count, ...) floats}, a note on them)` for the model of `graph`.

    Args:
      graph: of the model.
      names: of its inputs.
      kinds: what each output is (`endings.KINDS`).
      count, steps: pictures, and steps of the optimizer.
      seed: of the first noise.

    Pixels stay from 0 to 255 if the network scales them itself; other inputs take the values that the statistics lead
    to.

    Raises:
      UserError: the network keeps no statistics, or takes something else than floats.
    """
    model = graph.copy().build()
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    layers = [layer for layer in layers if len(calls_of(layer)) == 1]
    if not layers or any("float" not in tensor.dtype for tensor in model.inputs):
        raise BadArgument(
            f'calibration="{WORD}" needs batch normalization with statistics, and {model.name} has none: '
            "give real pictures."
        )
    (kind, *others) = kinds
    classes = model.outputs[0].shape[-1] if not others and kind in SURE else 0
    before = [calls_of(layer)[0].input_tensors[0] for layer in layers]
    watched = keras.Model(model.inputs, [*before, *(model.outputs if classes else ())])
    kept = [(layer.moving_mean.value, tf.sqrt(layer.moving_variance.value + layer.epsilon)) for layer in layers]
    start = list(noise(Inputs(model, names), count).values())
    pixels, rng = [array.max() > 2 for array in start], np.random.default_rng(seed)
    free = [keras.Variable(_patches(array.shape, rng)) for array in start]  # from 0 to 1

    def pictures() -> list[tf.Tensor]:
        return [255.0 * v.value if of_bytes else 2.0 * v.value - 1.0 for v, of_bytes in zip(free, pixels, strict=True)]

    @tf.function(jit_compile=False)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = 0.0
            results = keras.tree.flatten(watched(pictures()))
            if classes:
                loss += SURENESS * _unsure(results.pop(), kind)
            for x, (mean, deviation) in zip(results, kept, strict=True):
                center, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
                loss += tf.reduce_mean(((center - mean) / deviation) ** 2)
                loss += tf.reduce_mean((tf.sqrt(variance + 1e-9) / deviation - 1) ** 2)
        return tape.gradient(loss, [v.value for v in free])

    rule = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, max(steps, 1)))
    for _ in range(steps):
        rule.apply(gradients(), free)
        for v, of_bytes in zip(free, pixels, strict=True):
            v.assign(tf.clip_by_value(v.value, 0.0, 1.0) if of_bytes else v.value)
    named = zip(names, pictures(), strict=True)
    return {name: array.numpy() for name, array in named}, NOTE.format(count, len(layers))


def _unsure(answers: tf.Tensor, kind: str) -> tf.Tensor:
    """How far pictures are from being each of a class, one after the other: cross-entropy."""
    answers = tf.reshape(answers, (-1, answers.shape[-1]))
    wanted = tf.range(tf.shape(answers)[0]) % answers.shape[-1]
    return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(wanted, answers, from_logits=kind == "logits"))


def _patches(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Noise as coarse as a picture is, and some that is finer [shape], from 0 to 1."""
    fine = rng.uniform(0, 1, shape)
    if len(shape) != 4:
        return fine.astype(np.float32)
    coarse = rng.uniform(0, 1, (shape[0], COARSE, COARSE, shape[3]))
    return (0.3 * fine + 0.7 * tf.image.resize(coarse, shape[1:3]).numpy()).astype(np.float32)
