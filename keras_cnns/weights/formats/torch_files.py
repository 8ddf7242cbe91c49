"""Files of `torch.save`, read without torch and without running anything: dicts, lists, numbers and arrays.

A .pth file is a pickle that names storages, and the bytes of the storages: in a zip archive (torch 1.6 and later), or
one after the other in one stream. A pickle may only call the functions below, which rebuild tensors. Everything else
that it names (an optimizer, a namespace of arguments, a whole network) becomes an inert `Foreign`.
"""

import math
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np

from keras_cnns.support.archives import open_zip
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import check_declared, open_regular
from keras_cnns.weights.formats.pickle_limits import check_pickle, check_references

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle in a stream of the older layout
EXPANDED = 2**20  # elements of a tensor that repeats those of its storage (`Tensor.expand`), at most
SHORT = ("Float f4", "Double f8", "Half f2", "Long i8", "Int i4", "Short i2", "Char i1", "Byte u1", "Bool ?")
STORAGES = {f"{word}Storage": np.dtype(code) for word, code in map(str.split, SHORT)} | {"BFloat16Storage": "bfloat16"}
DTYPES = {
    **{"float32": np.dtype("f4"), "float64": np.dtype("f8"), "float16": np.dtype("f2"), "bfloat16": "bfloat16"},
    **{"int64": np.dtype("i8"), "int32": np.dtype("i4"), "int16": np.dtype("i2"), "int8": np.dtype("i1")},
    **{"uint8": np.dtype("u1"), "bool": np.dtype("?")},
}


class NotTorch(UnreadableFile):
    """The file is a pickle that torch.save did not write."""


class Foreign:
    """Takes the place of an object that the pickle names. It accepts every call of the unpickler and does nothing.

    what: the name of the object, "torch.float8_e4m3fn".
    """

    what = "an object"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    add = append


@cache
def foreign(what: str) -> type[Foreign]:
    """The subclass of `Foreign` for objects of that name."""
    return type("Foreign", (Foreign,), {"what": what})


class Storage:
    """The bytes of one or several tensors. `read` reads them when they are first needed."""

    def __init__(self, dtype: Any, count: int, read: Callable[[], bytes] | None = None) -> None:
        self.dtype, self.count, self.read = dtype, count, read
        self.data: bytes | None = None

    def __setstate__(self, state: Any) -> None:
        """A pickle may not change it."""

    def array(self, dtype: Any = None) -> tuple[np.ndarray, Any]:
        """All values, and their dtype; bfloat16 as its bits."""
        dtype = dtype or self.dtype
        if self.data is None:
            self.data = self.read() if self.read else b""
        return np.frombuffer(self.data, np.dtype("u2") if dtype == "bfloat16" else dtype), dtype


@dataclass(frozen=True)
class Tensor:
    """A view into a storage, as torch describes it; sizes in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: Any = None

    def __setstate__(self, state: Any) -> None:
        """A pickle may not change it."""

    def array(self) -> np.ndarray:
        """The values as a NumPy array; bfloat16 becomes float32. Raises ValueError if they are not in the storage."""
        flat, dtype = self.storage.array(self.dtype)
        numbers = (self.offset, *self.size, *self.stride)
        if len(self.size) != len(self.stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise ValueError("the shape of a tensor is not valid")
        reach = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True)) + 1
        if 0 in self.size:
            value = np.zeros(self.size, flat.dtype)
        elif reach > len(flat):
            raise ValueError("a tensor reaches beyond its storage")
        elif math.prod(self.size) > max(len(flat), EXPANDED):
            raise ValueError("a tensor has far more elements than its storage")
        else:
            strides = [step * flat.itemsize for step in self.stride]
            value = np.lib.stride_tricks.as_strided(flat[self.offset :], self.size, strides, writeable=False)
        return (value.astype("<u4") << 16).view("<f4") if dtype == "bfloat16" else value


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> Any:
    if not isinstance(storage, Storage):
        return storage  # of a type that NumPy does not have
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _tensor_of_type(
    storage: Any, offset: int, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any, *rest: Any
) -> Any:
    if not isinstance(storage, Storage):
        return storage
    if not (isinstance(dtype, np.dtype) or dtype == "bfloat16"):
        return dtype() if isinstance(dtype, type) else Foreign()
    return Tensor(storage, offset, tuple(size), tuple(stride), dtype)


def _parameter(data: Any, *rest: Any) -> Any:
    return data


def _subclass(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    called = function.function if isinstance(function, Call) else None
    return called(*arguments) if called in (_tensor, _tensor_of_type, _parameter) else Foreign()


class Call:
    """A function that a pickle may call, and not change: of the function itself it could replace the defaults."""

    __slots__ = ("function",)

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> None:
        pass


KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): Call(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Call(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): Call(_tensor_of_type),
    ("torch._utils", "_rebuild_parameter"): Call(_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): Call(_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): Call(_subclass),
    **{("torch", name): dtype for name, dtype in DTYPES.items()},
}


class Unpickler(pickle.Unpickler):
    """Reads a pickle; storage: (dtype, key, count) -> the `Storage` that the pickle names."""

    encoding = "utf-8"  # of texts that Python 2 wrote

    def __init__(self, file: IO[bytes], storage: Callable[[Any, str, int], Storage]) -> None:
        super().__init__(file, encoding=self.encoding)
        self.storage = storage
        check_pickle(file)

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return STORAGES.get(name, name)
        return KNOWN.get((module, name)) or foreign(" ".join(f"{module}.{name}".split())[:100])

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, count, *view = pid
        if not isinstance(key, str | int):
            raise ValueError("the name of a storage is not a text")
        dtype = np.dtype("u1") if dtype == "UntypedStorage" else dtype
        if kind != "storage" or not (isinstance(dtype, np.dtype) or dtype == "bfloat16") or (view and view[0]):
            return foreign(f"torch.{dtype}" if isinstance(dtype, str) else "torch.storage")()
        return self.storage(dtype, str(key), int(count))


def read(path: Path) -> Any:
    """The content of the file at `path`: dicts, lists, numbers, `Tensor`s, and a `Foreign` for everything else.

    Raises:
      UserError: the file is a program (TorchScript), a pickle that torch did not write, or of a layout older than 0.4.
      Others (pickle.UnpicklingError, ValueError, EOFError, zipfile.BadZipFile ...): it is damaged.
    """
    with open_regular(path) as file:
        content = _archive(path) if file.read(2) == b"PK" else _stream(path)
    check_references(content)
    return content


def _archive(path: Path) -> Any:
    archive = open_zip(path)
    root = next(name for name in archive.namelist() if name.endswith("data.pkl")).removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.namelist() or any(n.startswith(f"{root}code/") for n in archive.namelist()):
        raise UnreadableFile(
            f"{path} is TorchScript, a program with its weights: nothing in it is run. "
            "Open it with torch.jit.load and save its state_dict()."
        )
    swap = f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") == b"big"
    storages: dict[str, Storage] = {}

    def storage(dtype: Any, key: str, count: int) -> Storage:
        if key not in storages:
            storages[key] = Storage(dtype, count, lambda: _bytes(archive, f"{root}data/{key}", swap and dtype))
        return storages[key]

    with archive.open(f"{root}data.pkl") as file:
        return Unpickler(file, storage).load()


def _bytes(archive: ZipFile, name: str, swap: Any) -> bytes:
    data = archive.read(name)
    if swap:
        data = np.frombuffer(data, np.dtype("u2") if swap == "bfloat16" else swap).byteswap().tobytes()
    return data


def _stream(path: Path) -> Any:
    storages: dict[str, Storage] = {}

    def storage(dtype: Any, key: str, count: int) -> Storage:
        return storages.setdefault(key, Storage(dtype, count))

    with open_regular(path) as file:
        if not _begins_like_torch(file, storage):
            raise NotTorch(
                f"{path} is a pickle of Python objects, and torch.save did not write it: nothing in it is run. Save "
                "the arrays as .safetensors."
            )
        for _ in range(2):  # the protocol's version, the machine it was written on
            Unpickler(file, storage).load()
        content = Unpickler(file, storage).load()
        size = os.fstat(file.fileno()).st_size
        for key in Unpickler(file, storage).load():
            (count,) = struct.unpack("<q", file.read(8))
            dtype = storages[str(key)].dtype
            length = count * (2 if dtype == "bfloat16" else dtype.itemsize)
            storages[str(key)].data = file.read(check_declared(length, size - file.tell(), f"a tensor in {path}"))
    return content


def _begins_like_torch(file: IO[bytes], storage: Any) -> bool:
    """Whether the first pickle in a file is the number that torch.save writes there."""
    try:
        return bool(Unpickler(file, storage).load() == MAGIC)
    except Exception:  # pickle raises errors of many kinds
        return False
