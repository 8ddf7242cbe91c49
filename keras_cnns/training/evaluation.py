"""A model's, or an ensemble's, metrics on a data set."""

import numpy as np
import tensorflow as tf

from keras_cnns.training.distribute import compile_with_xla
from keras_cnns.training.metrics import measure


def evaluate(models, data):
    """Metrics (see `metrics.measure`) of a Keras model on `data.dataset`: (image, label[, weight]) batches.

    models: one model that answers probabilities, or several: their mean probability is measured, which is how
      checkpoints are put together as an ensemble (Krizhevsky et al. 2012, section 6).
    """
    models = models if isinstance(models, list | tuple) else [models]

    @tf.function(jit_compile=compile_with_xla())
    def probabilities(image):
        return tf.add_n([tf.cast(m(image, training=False), tf.float32) for m in models]) / len(models)

    def batches():
        for image, label, *weight in data.dataset:
            yield probabilities(image), label, weight[0] if weight else tf.ones(tf.shape(label)[0])

    return gathered(batches(), data.names)


def gathered(batches, names):
    """Metrics over batches (probabilities, labels, weights); weight 0 marks what only fills a batch up."""
    labels, probabilities = [], []
    for answer, label, weight in batches:
        real = np.asarray(weight) > 0
        labels.append(np.asarray(label)[real])
        probabilities.append(np.asarray(answer)[real])
    return measure(np.concatenate(labels), np.concatenate(probabilities), names)
