"""Convolution whose maps see only some of the maps before. LeCun et al. 1998, Table I."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class TableConv2D(keras.layers.Conv2D):
    """table: for each map, the maps it sees. The kernel, [height, width, connections], holds nothing else.

    Connections are in the order of the table; nothing is padded. Computed as one convolution with zeros in the holes.
    """

    def __init__(self, table, kernel_size, **kwargs):
        kwargs.pop("filters", None)
        super().__init__(len(table), kernel_size, **kwargs)
        self.table = [list(seen) for seen in table]

    def build(self, shape):
        connections = sum(map(len, self.table))
        self._kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, connections), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=self.bias_initializer)
        place = np.zeros((connections, shape[-1], self.filters), "float32")
        pairs = [(before, after) for after, seen in enumerate(self.table) for before in seen]
        place[np.arange(connections), [a for a, _ in pairs], [b for _, b in pairs]] = 1
        self._place = place.reshape(connections, -1)
        self.built = True

    def call(self, x):
        kernel, bias = ops.cast(self.dense_kernel(), x.dtype), ops.cast(self.bias, x.dtype)
        return ops.conv(x, kernel, padding="valid", data_format="channels_last") + bias

    def dense_kernel(self):
        """The kernel as if all maps were connected, [height, width, in, out], zero where there is no connection."""
        kernel = ops.matmul(self.kernel, ops.convert_to_tensor(self._place, self.kernel.dtype))
        return ops.reshape(kernel, (*self.kernel_size, -1, self.filters))

    def get_config(self):
        return super().get_config() | {"table": self.table}
