"""Pictures of sizes that show only when the network runs: padded to a size that halves evenly, cut back, resized."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class PadToMultiple(keras.layers.Layer):
    """[B, H, W, C] -> zeros below and to the right, up to the next multiple of `multiple` in both directions."""

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        return ops.pad(x, ((0, 0), (0, -height % self.multiple), (0, -width % self.multiple), (0, 0)))

    def compute_output_shape(self, shape):
        return (shape[0], *(None if n is None else n + -n % self.multiple for n in shape[1:3]), shape[-1])

    def get_config(self):
        return super().get_config() | {"multiple": self.multiple}


@keras.saving.register_keras_serializable(package="keras_cnns")
class CropLike(keras.layers.Layer):
    """(x [B, H, W, C], like [B, h, w, ...]) -> x's first h rows and w columns."""

    def call(self, x, like):
        height, width = ops.shape(like)[1:3]
        return x[:, :height, :width]

    def compute_output_shape(self, x_shape, like_shape):
        return (x_shape[0], *like_shape[1:3], x_shape[-1])


@keras.saving.register_keras_serializable(package="keras_cnns")
class ResizeLike(keras.layers.Layer):
    """(x [B, H, W, C], like [B, h, w, ...]) -> x bilinearly resized to h x w, its corners where the pixels' are."""

    def call(self, x, like):
        return ops.image.resize(x, ops.shape(like)[1:3], "bilinear", data_format="channels_last")

    def compute_output_shape(self, x_shape, like_shape):
        return (x_shape[0], *like_shape[1:3], x_shape[-1])
