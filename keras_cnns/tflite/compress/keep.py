"""Further training of pruned and clustered models, also while they become quantization-aware."""

import keras
import numpy as np

from keras_cnns.tflite.compress.clustering import equal_within
from keras_cnns.tflite.compress.kernels import RuleCallback, Rules, kernels


class KeepCompressed(RuleCallback):
    """Callback of `fit`: zeros in kernels stay zero, and values that are equal within a filter stay equal.

    Args:
      most: a filter with more different values than this was not clustered; only its zeros are kept.

    >>> aware = keras_cnns.tflite.quantization_aware(lean)
    >>> aware.fit(pictures, labels, callbacks=[keras_cnns.tflite.KeepCompressed()])
    """

    def __init__(self, most: int = 64) -> None:
        super().__init__()
        self.most = most

    def set_rules(self, rules: Rules) -> None:
        for kernel in kernels(self.model):
            groups = equal_values(keras.ops.convert_to_numpy(kernel), self.most)
            if np.min(groups) < 0 or np.max(groups) + 1 < groups.size:
                rules.add(kernel, equal_within(groups))


def equal_values(kernel: np.ndarray, most: int) -> np.ndarray:
    """A number for each weight, equal where weights of a filter are equal; -1 for zeros; in the kernel's shape."""
    filters = kernel.reshape(-1, kernel.shape[-1])
    groups, count = np.zeros(filters.shape, np.int32), 0
    for i, values in enumerate(filters.T):
        different, group = np.unique(values, return_inverse=True)
        if len(different) > most:
            different, group = values, np.arange(len(values))
        groups[:, i], count = group.ravel() + count, count + len(different)
    groups[filters == 0] = -1
    return groups.reshape(kernel.shape)
