"""Clustering of weights: a kernel has few different values, which are trained (Han et al. 2016, 1510.00149, section 3).

>>> model.fit(pictures, labels, epochs=2, callbacks=[keras_cnns.tflite.Clustering(16)])
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.types import Tensor
from keras_cnns.support.validation import short, whole
from keras_cnns.tflite.compress.kernels import SMALLEST, RuleCallback, Rules, large_kernels
from keras_cnns.tflite.compress.short_training import TrainingSettings, trained_copy

PRUNED = 0.1  # a kernel with a larger fraction of zeros was pruned: they stay zero, beside the clusters
ROUNDS = 50  # of k-means, at most


class Clustering(RuleCallback):
    """Callback of `fit`: each large kernel has at most `clusters` different values, which the training moves.

    At the beginning k-means assigns every weight of a kernel to a centroid. The assignment stays. After every step the
    weights of a cluster get the mean of their new values: with plain gradient descent a centroid moves along the mean
    gradient of its weights. The zeros of a pruned kernel stay zero and are not counted.

    >>> model.fit(pictures, labels, epochs=2, callbacks=[keras_cnns.tflite.Clustering(16)])
    """

    def __init__(self, clusters: int = 16, *, smallest: int = SMALLEST) -> None:
        """Checks the settings.

        Args:
          clusters: different values of a kernel, at least 2.
          smallest: kernels with fewer weights are left as they are; depthwise kernels always are.

        Raises:
          UserError: there are too few clusters.
        """
        super().__init__()
        if not whole(clusters, 2):
            raise BadArgument(f"{short(clusters)} clusters are too few: give 2 or more.")
        self.clusters, self.smallest = clusters, smallest

    def set_rules(self, rules: Rules) -> None:
        for kernel in large_kernels(self.model, self.smallest):
            values = keras.ops.convert_to_numpy(kernel)
            groups = clustered(values, self.clusters)
            rule = equal_within(groups)
            kernel.assign(rule(values))
            rules.add(kernel, rule)


def clustered(kernel: np.ndarray, clusters: int) -> np.ndarray:
    """The number of the cluster of each weight, in the kernel's shape; -1 for the zeros of a pruned kernel."""
    groups = np.full(kernel.shape, -1, np.int32)
    kept = kernel != 0 if np.mean(kernel == 0) > PRUNED else np.ones(kernel.shape, bool)
    values = kernel[kept].astype(np.float64)
    if len(values):
        borders = np.convolve(centroids(values, clusters), (0.5, 0.5), "valid")
        groups[kept] = np.searchsorted(borders, values)
    return groups


def centroids(values: np.ndarray, count: int) -> np.ndarray:
    """The sorted centroids of k-means on numbers; they start evenly spaced, which keeps large weights (Han et al.)."""
    values = np.sort(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = np.linspace(values[0], values[-1], count)
    for _ in range(ROUNDS):
        ends = np.searchsorted(values, (means[1:] + means[:-1]) / 2)
        starts, ends = np.append(0, ends), np.append(ends, len(values))
        sizes = ends - starts
        moved = np.where(sizes > 0, (sums[ends] - sums[starts]) / np.maximum(sizes, 1), means)
        if np.allclose(moved, means, rtol=0, atol=1e-9):
            break
        means = moved
    return means


def equal_within(groups: np.ndarray) -> Callable[[Tensor], Tensor]:
    """The rule that gives all weights of a group their mean, and 0 to those of group -1; groups: in the kernel's shape.

    The mean is that of the differences from one weight of the group, so that equal weights stay exactly as they are.
    """
    numbers, kept = np.maximum(groups.ravel(), 0), (groups >= 0).astype("float32")
    count, places = int(numbers.max()) + 1, np.flatnonzero(groups >= 0)
    sizes = np.maximum(np.bincount(numbers[places], minlength=count), 1)
    first = np.zeros(count, np.int32)
    first[numbers[places[::-1]]] = places[::-1]
    shares = (kept.ravel() / sizes[numbers]).astype("float32")

    def rule(value: Tensor) -> Tensor:
        flat = keras.ops.reshape(keras.ops.convert_to_tensor(value), (-1,))
        one = keras.ops.take(flat, first)
        differences = (flat - keras.ops.take(one, numbers)) * keras.ops.cast(shares, flat.dtype)
        means = one + keras.ops.segment_sum(differences, numbers, count)
        return keras.ops.reshape(keras.ops.take(means, numbers), groups.shape) * keras.ops.cast(kept, flat.dtype)

    return rule


def cluster(
    model: keras.Model, data: Any, *, clusters: int = 16, smallest: int = SMALLEST, **training: Any
) -> keras.Model:
    """Trains a copy of the model for a few epochs, in which large kernels have at most `clusters` different values.

    Args:
      model, data, **training: as in `prune`.
      clusters, smallest: as in `Clustering`. The zeros of a pruned kernel stay zero and are not counted.

    Raises:
      UserError: as in `prune`.

    >>> small = keras_cnns.tflite.cluster(lean, (pictures, labels), clusters=16)
    """
    check_tensorflow_backend("clustering")
    callback = Clustering(clusters, smallest=smallest)
    return trained_copy(model, data, callback, TrainingSettings.of(**training), smallest)
