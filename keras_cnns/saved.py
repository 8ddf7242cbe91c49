"""Models from `.keras` files."""

from keras_cnns.arguments import path_of
from keras_cnns.deep import with_room
from keras_cnns.errors import UserError, first_line


def load_model(path):
    """The model in the `.keras` file at `path`, not compiled; this package's own layers are known to Keras.

    Raises:
      UserError: there is no such file, or it is damaged or holds something else.
    """
    import keras

    path = path_of(path, "the model")
    if not path.is_file():
        raise UserError(f"there is no file {path}: give the path of a .keras file.")
    try:
        return with_room(lambda: keras.saving.load_model(path, compile=False))
    except Exception as error:  # zip, JSON, HDF5 and Keras each have errors of their own
        raise UserError(f"cannot read {path} as a Keras model: {first_line(error)}") from error
