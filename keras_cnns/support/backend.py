"""The one check that Keras runs on TensorFlow, where that is needed."""

from keras_cnns.support.errors import UserError


def check_tensorflow_backend(action: str) -> None:
    """Does nothing if Keras runs on TensorFlow. action: what needs it, as the start of a sentence: "training".

    Raises:
      UserError: Keras runs on JAX or torch.
    """
    import keras

    if (backend := keras.config.backend()) != "tensorflow":
        raise UserError(f"{action} needs Keras on TensorFlow, and it runs on {backend}: set KERAS_BACKEND=tensorflow.")
