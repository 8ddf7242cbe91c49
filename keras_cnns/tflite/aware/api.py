"""Quantization-aware training of any functional Keras 3 model.

>>> model = quantization_aware(model)
>>> model.compile(...); model.fit(...)        # a small learning rate, one to ten epochs
>>> export(model, "model.tflite", scheme="int8")
"""

from pathlib import Path
from typing import Any

import keras

from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument, UserError, memory_errors
from keras_cnns.support.validation import every, number, short
from keras_cnns.tflite.aware import native
from keras_cnns.tflite.aware.training_of_source import check_training, check_weights
from keras_cnns.tflite.file.convert import load
from keras_cnns.tflite.rewrite.prepare import Outputs

METHODS = ("keras", "tfmot")


@memory_errors()
def quantization_aware(
    model: keras.Model | str | Path,
    *,
    method: str = "keras",
    hold_statistics: bool = True,
    momentum: float | None = None,
    fold: bool = False,
    pictures: Any = None,
    outputs: Outputs = None,
) -> Any:
    """A model of the same inputs and outputs that computes as int8 would, to be trained a little further.

    Args:
      model: a functional or Sequential Keras 3 model, or the path of a `.keras` file. Sizes may be open.
      method: "keras" returns a Keras 3 model, which works with `fit`, callbacks, distribution strategies and `.keras`
        files. "tfmot" returns a tf_keras model quantized by tensorflow-model-optimization (`quantized_twin.py`).
      hold_statistics: batch norm, also inside other layers, uses its moving statistics during training; gain and
        offset still learn, except in subclasses of BatchNormalization, which are frozen. A short training with the
        statistics of single batches costs far more accuracy than int8. False lets the statistics follow the batches,
        for long trainings with large batches.
      momentum: of the moving ranges of the activations, and of batch norm where its own is larger (method "keras").
        The default is .98, or .999 where `pictures` have set the ranges.
      fold: batch norm is folded into the kernels before the training instead of after it. The int8 file computes the
        same, but training is steadier with batch norm kept.
      pictures: set the initial ranges, in any order: (N, ...) as the model takes them, or what `fit` takes (a
        tf.data.Dataset, a generator, a keras.utils.PyDataset; labels are ignored), or "folder:PATH", "digits" or a name
        of tensorflow-datasets. Without them the first batch of `fit` sets the ranges.
      outputs: the outputs to keep, as in `prepare`.

    Channels that a depthwise convolution reads are first scaled to similar ranges (`equalize.py`), which changes no
    answer. A short training should use the model's own answers as targets rather than labels, which at first cost a
    trained network accuracy: `data.map(lambda x, y: (x, model(x, training=False)))` and `categorical_crossentropy`.

    Outputs keep their names, so losses and metrics refer to them as before. Frozen layers stay frozen, and activity
    regularizers measure what they did. Rescaling, Normalization and multiplications by numbers are folded only
    in the file. Dropout stays;
    augmentation and noise layers are removed, except inside layers of your own, which are copied as they are. Layers
    without an int8 form (layer normalization, attention, local response normalization) compute in float32 between
    rounded inputs and outputs. The result is compared with `model` on a few inputs, without rounding, before it is
    returned. `source_of` returns `model` until the result is saved.

    Warns: the model has its own `train_step`, `test_step`, `compute_loss` or `compute_metrics`; they are not kept.

    Raises:
      UserError: an argument has the wrong form; the model has no graph, is quantization-aware already, has a layer that
        cannot be made again, or one that trains only some of its variables (LoRA); or the comparison fails.

    >>> aware = keras_cnns.tflite.quantization_aware(model, pictures=pictures)
    >>> aware.compile("adam", "sparse_categorical_crossentropy")
    """
    check_tensorflow_backend("quantization-aware training")
    if not isinstance(method, str) or method not in METHODS:
        raise BadArgument(f"there is no method {short(method)}: choose from {', '.join(METHODS)}.")
    if momentum is not None and (not number(momentum) or not 0 <= momentum < 1):
        raise BadArgument(f"momentum is {short(momentum)}: give a number from 0 to less than 1.")
    if outputs is not None and not isinstance(outputs, (str, int)) and not every(outputs, (str, int)):
        raise UserError(f"outputs is {short(outputs)}: give names or positions of the outputs to keep.")
    for name, value in (("hold_statistics", hold_statistics), ("fold", fold)):
        if not isinstance(value, bool):
            raise UserError(f"{name} is {short(value)}: give True or False.")
    model = load(model)
    check_training(model)
    options = {"hold_statistics": hold_statistics, "pictures": pictures, "outputs": outputs}
    if method == "tfmot":
        from keras_cnns.tflite.aware import quantized_twin

        return quantized_twin.quantization_aware(model, **options)
    aware = native.quantization_aware(model, momentum=momentum, fold=fold, **options)
    check_weights(model, aware)
    return aware
