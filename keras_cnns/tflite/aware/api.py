"""Quantization-aware training of any functional Keras 3 model.

>>> model = quantization_aware(model)
>>> model.compile(...); model.fit(...)        # a small learning rate, one to ten epochs
>>> export(model, "model.tflite", scheme="int8")
"""

from keras_cnns.errors import UserError
from keras_cnns.tflite.aware import native
from keras_cnns.tflite.aware.fake_quant import MOMENTUM

METHODS = ("keras", "tfmot")


def quantization_aware(model, *, method="keras", momentum=MOMENTUM, fold=False, pictures=None, outputs=None):
    """A model of the same inputs and outputs that computes as int8 would, to be trained a little further.

    method: "keras" gives a Keras 3 model, for `fit`, any callback, any strategy and `.keras` files; "tfmot" gives
      a tf_keras model quantized by tensorflow-model-optimization (see `twin.py`).
    momentum: of the moving ranges of the activations, and batch norm's if that was slower (method "keras").
    fold: batch norm goes into the kernels before the training, and not after it. It computes the same int8 either way
      (a filter's steps scale with the filter), but with batch norm kept the training is steadier.
    outputs: those to keep, as in `prepare`.
    pictures: (N, ...) as the model takes them; the ranges start from them, and not from the first batch of `fit`.

    Layers that were frozen stay frozen; dropout stays, augmentation and noise layers go. Layers without an int8 form
    (layer normalization, local response normalization) compute in float32 between rounded inputs and outputs.

    Raises:
      UserError: the model has no graph, is quantization-aware already, or has a layer that cannot be made again.
    """
    if method not in METHODS:
        raise UserError(f"there is no method {method!r}: choose from {', '.join(METHODS)}")
    if method == "tfmot":
        from keras_cnns.tflite.aware import twin

        return twin.quantization_aware(model, pictures=pictures, outputs=outputs)
    return native.quantization_aware(model, momentum=momentum, fold=fold, pictures=pictures, outputs=outputs)
