"""A limit on the memory of the variables that Keras makes while it builds a model that somebody else described.

Only Keras knows how many variables a configuration asks for, and it makes each of them at once. So, while a limit is
in force, the public constructor of `keras.Variable` is preceded by a count of bytes. `Normalization.build` is, too: it
makes arrays of a scalar mean and variance.
"""

import functools
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import in_bytes


class VariableLimit:
    """Counts the bytes of variables, of one thread, and refuses the one that exceeds the limit.

    Args:
      limit: bytes. requested: bytes so far.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.requested = 0

    @property
    def exceeded(self) -> bool:
        return self.requested > self.limit

    def add(self, count: int, itemsize: int) -> None:
        """Raises UnreadableFile if `count` more elements exceed the limit."""
        self.requested += count * itemsize
        self.check()

    def check(self) -> None:
        """Raises UnreadableFile if the limit is exceeded."""
        if self.exceeded:
            raise UnreadableFile(
                f"it describes layers with at least {in_bytes(self.requested)} of weights, and the weights that it "
                f"stores allow {in_bytes(self.limit)}: it is damaged."
            )


_lock = threading.Lock()
_users = 0
_of_thread = threading.local()


@contextmanager
def variable_limit(limit: int) -> Iterator[VariableLimit]:
    """Within the context, this thread makes variables of at most `limit` bytes in all.

    Raises:
      UnreadableFile: from the constructor of `keras.Variable`, before the memory of the first variable too many is
        taken. Keras may catch it: check `exceeded` at the end.

    >>> with variable_limit(2**20):
    ...     model = keras.saving.load_model("model.keras")
    """
    counted = VariableLimit(limit)
    outer = getattr(_of_thread, "limit", None)
    _install(+1)
    _of_thread.limit = counted
    try:
        yield counted
    finally:
        _of_thread.limit = outer
        _install(-1)


def _install(change: int) -> None:
    """Puts the counting methods into Keras's classes for the first user, and takes them out after the last."""
    import keras

    global _users
    with _lock:
        first, _users = not _users, _users + change
        for owner, name, size in (
            (keras.Variable, "__init__", _size_of_variable),
            (keras.layers.Normalization, "build", _size_of_normalization),
        ):
            if first:
                setattr(owner, name, _counting(getattr(owner, name), size, name in vars(owner)))
            elif not _users:
                original = vars(owner)[name]
                if original.own:
                    setattr(owner, name, original.__wrapped__)
                else:  # the method is inherited
                    delattr(owner, name)


def _counting(method: Callable[..., Any], size: Callable[..., tuple[int, int]], own: bool) -> Any:
    """`method`, preceded by a count in threads that have a limit."""

    @functools.wraps(method)
    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        limit = getattr(_of_thread, "limit", None)
        if limit is not None:
            limit.add(*size(self, *args, **kwargs))
        return method(self, *args, **kwargs)

    counting.own = own  # type: ignore[attr-defined]
    return counting


def _size_of_variable(_: Any, initializer: Any, shape: Any = None, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    """(number of elements, bytes of one) of a variable, from the arguments of its constructor."""
    if shape is None:
        shape = getattr(initializer, "shape", ())
    return _elements(shape), _itemsize(dtype)


def _size_of_normalization(layer: Any, input_shape: Any) -> tuple[int, int]:
    """(number of elements, bytes of one) of the mean and variance of `Normalization`, if they are constants."""
    if layer.input_mean is None:  # they are variables
        return 0, 0
    return 2 * _elements([input_shape[axis] for axis in layer.axis]), _itemsize(layer.compute_dtype)


def _elements(shape: Any) -> int:
    """The product of a shape; 0 for what is none, which Keras refuses itself."""
    try:
        return max(0, math.prod(int(size) for size in ([shape] if isinstance(shape, int) else shape)))
    except (TypeError, ValueError):
        return 0


def _itemsize(dtype: Any) -> int:
    """The bytes of an element of a type, from the digits at the end of its name; 4 for others."""
    import keras

    try:
        name = keras.backend.standardize_dtype(dtype)
    except (TypeError, ValueError):
        return 4
    digits = name[len(name.rstrip("0123456789")) :]
    return max(1, int(digits) // 8) if digits else 1 if name == "bool" else 4
