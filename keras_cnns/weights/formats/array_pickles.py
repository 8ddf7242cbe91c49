"""Pickles of NumPy arrays, such as detectron2's R-50.pkl, read without running anything.

Only the calls that NumPy writes for an array are made, by functions of this file. All other objects become inert.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.untrusted import open_regular
from keras_cnns.weights.formats.pickle_limits import check_references
from keras_cnns.weights.formats.torch_files import Call, Storage, Tensor, Unpickler

MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
LETTERS = "fiub"  # kinds of dtypes: floats, integers, booleans


class _Dtype:
    """What `numpy.dtype("f4", False, True)` and its state say."""

    def __init__(self, code: Any = "", *options: Any) -> None:
        if not isinstance(code, str):
            raise ValueError("the type of an array is not a text")
        self.code, self.big_endian = code, False

    def __setstate__(self, state: Any) -> None:
        self.big_endian = state[1] == ">"

    def dtype(self) -> np.dtype:
        dtype = np.dtype(self.code).newbyteorder(">" if self.big_endian else "<")
        if dtype.kind not in LETTERS:
            raise ValueError(f"an array of {self.code}")
        return dtype


class Array:
    """An array of a pickle: what NumPy's `_reconstruct` makes, and `__setstate__` fills."""

    shape: tuple[int, ...] = ()
    fortran, kind, data = False, None, b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.kind, self.fortran, data = state
        self.data = data.encode("latin1") if isinstance(data, str) else data  # Python 2 wrote a text

    def tensor(self) -> Tensor:
        """The same as a tensor of torch. Raises ValueError if it is not an array of numbers of that size."""
        if not isinstance(self.kind, _Dtype) or not isinstance(self.data, bytes) or not isinstance(self.shape, tuple):
            raise ValueError("an array is not one of numbers")
        dtype, shape = self.kind.dtype(), self.shape
        if not all(isinstance(n, int) and n >= 0 for n in shape) or len(self.data) != math.prod(shape) * dtype.itemsize:
            raise ValueError("the size of an array is not valid")
        sizes = shape if self.fortran else shape[::-1]
        steps = [math.prod(sizes[:i]) for i in range(len(sizes))]
        stride = tuple(steps if self.fortran else reversed(steps))
        return Tensor(Storage(dtype, math.prod(shape), lambda: self.data), 0, shape, stride)


def _reconstruct(*arguments: Any) -> Array:
    return Array()


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any) -> Array:
    if not isinstance(data, bytes | bytearray):
        raise ValueError("the content of an array is not bytes")
    array = Array()
    array.__setstate__((1, shape, kind, order == "F", bytes(data)))
    return array


def _scalar(kind: Any, data: Any = b"") -> Any:
    """A number on its own, such as an epoch or an accuracy: not needed."""
    return 0


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """The bytes that Python 2 and protocol 2 keep as text."""
    if not isinstance(text, str):
        raise ValueError("a text is something else")
    return text.encode("latin1")


KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): Array,
    ("_codecs", "encode"): Call(_encode),
    **{(module, "_reconstruct"): Call(_reconstruct) for module in MODULES},
    **{(module, "scalar"): Call(_scalar) for module in MODULES},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Call(_frombuffer) for core in ("core", "_core")},
}


class _Unpickler(Unpickler):
    encoding = "latin1"  # of files that Python 2 wrote

    def find_class(self, module: str, name: str) -> Any:
        return KNOWN.get((module, name)) or super().find_class(module, name)


def read(path: Path) -> Any:
    """The content of the file at `path`: dicts, lists, numbers, and a `Tensor` for each array.

    Raises:
      pickle.UnpicklingError, ValueError, EOFError ...: it is damaged.
    """
    with open_regular(path) as file:
        content = _Unpickler(file, lambda *_: Storage(np.dtype("u1"), 0)).load()
    check_references(content)
    return _tensors(content)


def holds_arrays(content: Any) -> bool:
    """Whether a dict of arrays, or one in it, has layers' names."""
    rows = content.get("model", content) if isinstance(content, dict) else None
    return isinstance(rows, dict) and any(isinstance(v, Tensor) and "." in str(k) for k, v in rows.items())


def _tensors(content: Any, depth: int = 4) -> Any:
    if isinstance(content, Array):
        return content.tensor()
    if isinstance(content, dict) and depth:
        return {key: _tensors(value, depth - 1) for key, value in content.items()}
    return content
