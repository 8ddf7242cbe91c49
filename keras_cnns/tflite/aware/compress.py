"""Pruning and clustering by tensorflow-model-optimization, in a tf_keras twin that becomes a Keras 3 model again.

>>> lean = prune(model, (pictures, labels), sparsity=0.75, epochs=4)
>>> lean = cluster(lean, (pictures, labels), clusters=16)              # zeros stay zeros
>>> aware = quantization_aware(lean); aware.fit(..., callbacks=[Keep()])
>>> gzip_size(qat.convert(aware))

A phone's kernels do not compute zeros or equal weights any faster. Only the compressed download (`gzip_size`) becomes
smaller, not the file, and the latency stays. Zhu & Gupta 2017, 1710.01878 (the schedule); Han et al. 2015, 1510.00149.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware.twin import Twin, tf_keras, tfmot

SMALLEST = 1000  # kernels with fewer weights are left alone: they save nothing and cost accuracy


def prune(
    model: keras.Model,
    data: Any,
    *,
    sparsity: float = 0.75,
    start: float = 0.0,
    settled: float = 0.75,
    smallest: int = SMALLEST,
    **training: Any,
) -> keras.Model:
    """A Keras 3 model with nearly the same answers, in whose large kernels the share `sparsity` of the weights is zero.

    Args:
      model: a functional Keras 3 model.
      data: (pictures, labels), or a batched tf.data.Dataset of them.
      sparsity: share of zeros at the end, 0 to 1.
      start, settled: during training the share of zeros rises from `start` along the cubic schedule, for the part
        `settled` of the steps, and then stays.
      smallest: kernels with fewer weights are not pruned, such as depthwise kernels.
      **training: `epochs` (3), `learning_rate` (1e-3), `batch_size` (64), `loss` (cross-entropy of integer labels).

    Batch norm keeps its statistics.

    Raises:
      UserError: an argument is out of range, no kernel is large enough, or the model cannot be rebuilt in tf_keras.
    """
    if not 0 <= start <= sparsity < 1 or not 0 < settled <= 1:
        raise UserError(f"sparsity {sparsity} from {start} is not possible: give 0 <= start <= sparsity < 1.")
    data, epochs, options = _data(data, **training)
    steps = epochs * _batches(data)
    schedule = tfmot.sparsity.keras.PolynomialDecay(start, sparsity, 0, max(1, int(settled * steps)), frequency=1)

    def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)

    twin = Twin(model, hold_statistics=True)
    wrapped = _wrapped(twin, wrap, smallest)
    _fit(twin, wrapped, data, epochs, [tfmot.sparsity.keras.UpdatePruningStep()], **options)
    return twin.back(tfmot.sparsity.keras.strip_pruning(wrapped))


def cluster(
    model: keras.Model, data: Any, *, clusters: int = 16, smallest: int = SMALLEST, **training: Any
) -> keras.Model:
    """A Keras 3 model whose large kernels have at most `clusters` different values each; zeros stay zeros.

    data, smallest, training: as in `prune`.

    Raises:
      UserError: as in `prune`.
    """
    if clusters < 2:
        raise UserError(f"{clusters} clusters are too few: give 2 or more.")
    data, epochs, options = _data(data, **training)
    start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        kernel = layer.get_weights()[0]
        wrapper = tfmot.clustering.keras.cluster_weights
        if np.mean(kernel == 0) > 0.1:
            wrapper = _preserving
        return wrapper(layer, number_of_clusters=clusters, cluster_centroids_init=start)

    twin = Twin(model, hold_statistics=True)
    wrapped = _wrapped(twin, wrap, smallest)
    _fit(twin, wrapped, data, epochs, [], **options)
    return twin.back(tfmot.clustering.keras.strip_clustering(wrapped))


def _preserving(layer: tf_keras.layers.Layer, **options: Any) -> tf_keras.layers.Layer:
    from tensorflow_model_optimization.python.core.clustering.keras.experimental.cluster import cluster_weights

    return cluster_weights(layer, preserve_sparsity=True, **options)


class Keep(keras.callbacks.Callback):
    """Callback for further training: zeros in kernels stay zeros, and values equal within a filter stay equal.

    most: a filter with more different values than this was not clustered; only its zeros are kept.
    """

    def __init__(self, most: int = 64) -> None:
        super().__init__()
        self.most = most

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._kept = [(kernel, *self._groups(kernel.numpy())) for kernel in _kernels(self.model)]

    def _groups(self, kernel: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
        """A number for each weight, the same for weights that are to stay equal; and which of them are not zero."""
        filters = kernel.reshape(-1, kernel.shape[-1])
        groups, count = np.zeros(filters.shape, np.int64), 0
        for i, values in enumerate(filters.T):
            different, group = np.unique(values, return_inverse=True)
            if len(different) > self.most:
                different, group = values, np.arange(len(values))
            groups[:, i], count = group.ravel() + count, count + len(different)
        return groups.ravel(), count, (kernel != 0).astype(kernel.dtype)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        for kernel, groups, count, mask in self._kept:
            value = tf.convert_to_tensor(kernel.value)
            if count < len(groups):
                means = tf.math.unsorted_segment_mean(tf.reshape(value, [-1]), groups, count)
                value = tf.reshape(tf.gather(means, groups), value.shape)
            kernel.assign(value * mask)


def sparsity(model: keras.Model) -> float:
    """The share of zeros in the kernels of a Keras model, 0 .. 1."""
    kernels = [k.numpy() for k in _kernels(model)]
    return sum(np.sum(k == 0) for k in kernels) / max(1, sum(k.size for k in kernels))


def gzip_size(file: str | Path | bytes | bytearray) -> int:
    """Bytes of a `.tflite` file (given as a path or as bytes) compressed by gzip."""
    data = file if isinstance(file, bytes | bytearray) else Path(file).read_bytes()
    return len(gzip.compress(bytes(data), 9, mtime=0))


def _kernels(model: keras.Model) -> list[keras.Variable]:
    kernels = [getattr(layer, "kernel", None) for layer in sublayers(model)]
    return [kernel for kernel in kernels if isinstance(kernel, keras.Variable)]


def _wrapped(
    twin: Twin, wrap: Callable[[tf_keras.layers.Layer], tf_keras.layers.Layer], smallest: int
) -> tf_keras.Model:
    """The twin with its large kernels wrapped; its layers are those of `twin.model`, unusable afterwards."""
    large = tf_keras.layers.Conv1D, tf_keras.layers.Conv2D, tf_keras.layers.Dense

    def choose(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if type(layer) not in large or layer.get_weights()[0].size < smallest:
            return layer
        wrapped_names.append(layer.name)
        return wrap(layer)

    wrapped_names: list[str] = []
    wrapped = tf_keras.models.clone_model(twin.model, clone_function=choose)
    if not wrapped_names:
        raise UserError(
            f"{twin.graph.name} has no convolution or dense layer of {smallest} weights: give a lower smallest=."
        )
    return wrapped


def _data(
    data: Any, *, epochs: int = 3, batch_size: int = 64, **options: Any
) -> tuple[tf.data.Dataset, int, dict[str, Any]]:
    if not isinstance(data, tf.data.Dataset):
        pictures, labels = data
        if len(pictures) != len(labels) or not len(labels):
            raise UserError(f"there are {len(pictures)} pictures and {len(labels)} labels")
        data = tf.data.Dataset.from_tensor_slices((pictures, labels)).shuffle(len(labels), seed=0).batch(batch_size)
    return data, epochs, options


def _batches(data: tf.data.Dataset) -> int:
    count = int(data.cardinality())
    if count <= 0:
        raise UserError("the data set does not say how many batches it has: use tf.data's assert_cardinality")
    return count


def _fit(
    twin: Twin,
    wrapped: tf_keras.Model,
    data: tf.data.Dataset,
    epochs: int,
    callbacks: list[tf_keras.callbacks.Callback],
    *,
    learning_rate: float = 1e-3,
    loss: Any = None,
) -> None:
    probabilities = getattr(twin.model.layers[-1], "activation", None) is tf_keras.activations.softmax
    loss = loss or tf_keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
    # the wrappers know nothing of the newer optimizers
    wrapped.compile(tf_keras.optimizers.legacy.Adam(learning_rate), loss)
    wrapped.fit(data, epochs=epochs, callbacks=callbacks, verbose=0)
