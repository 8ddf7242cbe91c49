"""The standard streams of a command: TensorFlow's start-up messages kept off them, closed and full streams handled."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def stderr_closed() -> Iterator[None]:
    """Drops what native code writes to the standard error; Python exceptions pass through."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)


def open_missing_streams() -> None:
    """Connects closed standard streams to /dev/null; otherwise the next file opened would take their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


def escape_unencodable() -> None:
    """Lets the output streams write escapes, such as \\u0142, for what their encoding cannot hold.

    Names of files may be in another encoding than the terminal, or in none.
    """
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # a test's replacement has none
            reconfigure(errors="backslashreplace")


def discard_stdout() -> None:
    """Drops what the standard output still buffers, which Python would otherwise try to write when it exits."""
    with suppress(OSError, ValueError), open(os.devnull, "wb") as devnull:  # a test's replacement has no file number
        os.dup2(devnull.fileno(), sys.stdout.fileno())


RETURNS_MEMORY = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"


def import_tensorflow(*, returns_memory: bool = False) -> None:
    """Loads TensorFlow and lists its devices without the messages about oneDNN, AVX and missing GPUs.

    returns_memory: the memory of a tensor goes back to the system when the tensor is deleted. On x86 processors
      TensorFlow (2.21) otherwise keeps the memory of all tensors for later ones: faster in training, but an export
      needs it outside TensorFlow.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if returns_memory:
        os.environ.setdefault(RETURNS_MEMORY, "1")
    with stderr_closed():
        import tensorflow as tf

        tf.config.list_physical_devices()
