"""Convolution in which each output map reads only some of the input maps. LeCun et al. 1998, Table I."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class TableConv2D(keras.layers.Conv2D):
    """A convolution without padding in which each output map reads the input maps that a table lists.

    [batch, height, width, channels] -> [batch, height - k + 1, width - k + 1, number of rows of the table]. The kernel,
    [k, k, connections], holds the weights of the listed connections only, in the order of the table. The layer computes
    one dense convolution whose kernel is zero everywhere else.

    Args:
      table: for each output map, the numbers of the input maps that it reads.
      kernel_size: side of the window, or (height, width).
      **kwargs: those of `keras.layers.Conv2D`.

    Example:
      x = TableConv2D([[0, 1, 2], [1, 2, 3]], 5)(x)  # [2, 14, 14, 6] -> [2, 10, 10, 2]
    """

    def __init__(self, table: Sequence[Sequence[int]], kernel_size: int | tuple[int, int], **kwargs: Any) -> None:
        kwargs.pop("filters", None)
        super().__init__(len(table), kernel_size, **kwargs)
        self.table = [list(seen) for seen in table]

    def build(self, shape: tuple) -> None:
        connections = sum(map(len, self.table))
        self._kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, connections), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=self.bias_initializer)
        is_connected = np.zeros((connections, shape[-1], self.filters), "float32")
        pairs = [(before, after) for after, seen in enumerate(self.table) for before in seen]
        is_connected[np.arange(connections), [a for a, _ in pairs], [b for _, b in pairs]] = 1
        self._is_connected = is_connected.reshape(connections, -1)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        kernel, bias = ops.cast(self.dense_kernel(), x.dtype), ops.cast(self.bias, x.dtype)
        return ops.conv(x, kernel, padding="valid", data_format="channels_last") + bias

    def dense_kernel(self) -> Tensor:
        """The kernel of the dense convolution, [height, width, in, out]: zero where there is no connection."""
        kernel = ops.matmul(self.kernel, ops.convert_to_tensor(self._is_connected, self.kernel.dtype))
        return ops.reshape(kernel, (*self.kernel_size, -1, self.filters))

    def get_config(self) -> dict:
        return super().get_config() | {"table": self.table}
