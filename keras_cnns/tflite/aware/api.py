"""Quantization-aware training of any functional Keras 3 model.

>>> model = quantization_aware(model)
>>> model.compile(...); model.fit(...)        # a small learning rate, one to ten epochs
>>> export(model, "model.tflite", scheme="int8")
"""

from keras_cnns.support.errors import BadArgument, UserError, memory_errors
from keras_cnns.support.validation import every, number, short
from keras_cnns.tflite.aware import native
from keras_cnns.tflite.aware.training_of_source import check_training
from keras_cnns.tflite.file.convert import load

METHODS = ("keras", "tfmot")


@memory_errors()
def quantization_aware(
    model, *, method="keras", hold_statistics=True, momentum=None, fold=False, pictures=None, outputs=None
):
    """A model of the same inputs and outputs that computes as int8 would, to be trained a little further.

    model: a functional or Sequential Keras 3 model, or the path of a `.keras` file.
    method: "keras" gives a Keras 3 model, for `fit`, any callback, any strategy and `.keras` files; "tfmot" gives
      a tf_keras model quantized by tensorflow-model-optimization (see `quantized_twin.py`).
    hold_statistics: batch norm computes as in inference also while it is trained, gain and offset still learn: a few
      hundred steps with the statistics of single batches, with which the layers behind were never trained, cost far
      more than int8 does. False lets them follow the batches, for long trainings of large batches.
    momentum: of the moving ranges of the activations, and batch norm's if that was slower (method "keras"). By default
      .98, that is fifty steps; .999 for ranges that `pictures` have set, as tfmot has it.
    fold: batch norm goes into the kernels before the training, and not after it. It computes the same int8 either way
      (a filter's steps scale with the filter), but with batch norm kept the training is steadier.
    pictures: what the ranges start from, in whatever order, all of them: (N, ...) as the model takes them, or what
      `fit` takes (a tf.data.Dataset, a generator, a keras.utils.PyDataset; labels are left aside), or "folder:PATH",
      "digits" or a name of tensorflow-datasets. Without them the first batch of `fit` sets the ranges.
    outputs: those to keep, as in `prepare`.

    Channels that a depthwise convolution reads are brought to like ranges first (`equalize.py`): the same is computed.
    A short training had better aim at the model's own answers than at labels, which cost a trained network something
    at first: `data.map(lambda x, y: (x, model(x, training=False)))` and the loss `categorical_crossentropy`.

    The outputs keep their names, so that losses and metrics go by them as before. Layers that were frozen stay frozen;
    dropout stays, augmentation and noise layers go. Layers without an int8 form (layer normalization, attention, local
    response normalization) compute in float32 between rounded inputs and outputs. Before it is returned, the model was
    compared with `model` on a few inputs, its rounding off. `source_of` gives `model` again, until it is saved.

    Raises:
      UserError: an argument is none of these, the model has no graph, is quantization-aware already, has a layer that
        cannot be made again, or the two disagree.
    """
    if not isinstance(method, str) or method not in METHODS:
        raise BadArgument(f"there is no method {short(method)}: choose from {', '.join(METHODS)}")
    if momentum is not None and (not number(momentum) or not 0 <= momentum < 1):
        raise BadArgument(f"momentum is {short(momentum)}: give a number from 0 to less than 1")
    if outputs is not None and not isinstance(outputs, (str, int)) and not every(outputs, (str, int)):
        raise UserError(f"outputs is {short(outputs)}: give names or positions of the outputs to keep")
    for name, value in (("hold_statistics", hold_statistics), ("fold", fold)):
        if not isinstance(value, bool):
            raise UserError(f"{name} is {short(value)}: give True or False")
    model = load(model)
    check_training(model)
    options = {"hold_statistics": hold_statistics, "pictures": pictures, "outputs": outputs}
    if method == "tfmot":
        from keras_cnns.tflite.aware import quantized_twin

        return quantized_twin.quantization_aware(model, **options)
    return native.quantization_aware(model, momentum=momentum, fold=fold, **options)
