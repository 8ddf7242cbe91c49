"""The standard streams of a command: TensorFlow's start-up remarks kept off them, and closed or full ones borne."""

import os
import sys
from contextlib import contextmanager, suppress


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


def opened():
    """Standard streams that were closed lead nowhere: a file opened later would take their numbers, and their lines."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


def silenced():
    """What the standard output still holds is dropped, or Python would try once more to write it at its end."""
    with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:  # one that a test put there has no number
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def import_tensorflow():
    """Loads TensorFlow and looks for devices without the remarks about oneDNN, AVX and missing GPUs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_closed():
        import tensorflow as tf

        tf.config.list_physical_devices()
