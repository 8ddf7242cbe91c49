"""Batch normalization whose statistics stay as they are, for a network that is trained only a little further."""

import keras


@keras.saving.register_keras_serializable("keras_cnns")
class HeldBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that computes in training as in inference; gain and offset are trained.

    A batch's own mean and variance are not those that the layers behind were trained with, and a short training does
    not make up for the difference. Same arguments, same weights, shape in and out: any.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)

    def inference_form(self):
        """The Keras layer that computes the same outside training: its class, its arguments and its weights."""
        return keras.layers.BatchNormalization, self.get_config(), self.get_weights()
