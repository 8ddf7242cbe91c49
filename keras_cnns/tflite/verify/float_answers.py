"""What a file is compared with: the answers of the Keras model itself."""

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.convert import answering, serving_function
from keras_cnns.tflite.inputs.pictures import at_once, batched


def float_answers(
    model: keras.Model,
    images: dict[str, np.ndarray],
    *,
    inputs: list[str] | None = None,
    outputs: list[str] | None = None,
) -> dict[str, np.ndarray]:
    """The answers of the Keras model in inference, without XLA: {output name: (N, ...) array}.

    Args:
      model: any functional model.
      images: {input name: (N, ...) array}.
      inputs, outputs: names to use instead of the model's own.

    Raises:
      UserError: it cannot be called, or an output has not one entry for each picture.
    """
    function = serving_function(model, inputs, outputs)
    count = len(next(iter(images.values())))
    batch = model.inputs[0].shape[0] or max(2, min(count, at_once(model)))  # of one it would not show what merges them
    with answering(model):
        parts = [function(**{k: tf.convert_to_tensor(v) for k, v in some.items()}) for some in batched(images, batch)]
    for name, array in parts[0].items():
        if array.shape[:1] != (batch,):
            shape = f"has the shape {tuple(array.shape)} for {batch} pictures"
            raise UserError(f"output {name!r} of {model.name} {shape}: its first axis has to be that of the pictures.")
    return {name: np.concatenate([part[name].numpy() for part in parts])[:count] for name in parts[0]}
