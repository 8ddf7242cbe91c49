"""Batch normalization with frozen statistics, for a short training of a network that is trained already."""

import keras

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable("keras_cnns")
class HeldBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that uses its moving mean and variance in training too. Same arguments.

    Gain and offset are trained; the moving statistics do not change. The statistics of a batch differ from those that
    the following layers were trained with, and a short training does not adapt the layers to the difference.
    Input and output have the same shape, [batch, ..., channels].

    Example:
      x = HeldBatchNormalization(epsilon=1e-5)(x)  # [2, 7, 7, 512] -> [2, 7, 7, 512]
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        return super().call(inputs, training=False, mask=mask)

    def inference_form(self) -> tuple[type, dict, list]:
        """(class, arguments, weights) of the Keras layer that computes the same at inference."""
        return keras.layers.BatchNormalization, self.get_config(), self.get_weights()
