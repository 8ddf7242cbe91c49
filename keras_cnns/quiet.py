"""TensorFlow's start-up remarks, kept off the screen of a command."""

import os
import sys
from contextlib import contextmanager


@contextmanager
def stderr_closed():
    """What native code writes to the standard error is dropped; Python exceptions pass as ever."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def import_tensorflow():
    """Loads TensorFlow and looks for devices without the remarks about oneDNN, AVX and missing GPUs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_closed():
        import tensorflow as tf

        tf.config.list_physical_devices()
