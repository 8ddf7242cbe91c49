"""What `torch.save` wrote, read without torch and without running anything: dicts, lists, numbers and arrays.

A .pth file is a pickle that names storages, and the storages' bytes: in a zip archive (torch 1.6 and later) or one
after the other in one stream. The only functions a pickle may call here are those below, which rebuild tensors.
Whatever else it names (an optimizer, a namespace of arguments, a whole network) becomes an inert `Foreign`.
"""

import pickle
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

import numpy as np

from keras_cnns.support.errors import UserError

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle in a stream of the older layout
SHORT = ("Float f4", "Double f8", "Half f2", "Long i8", "Int i4", "Short i2", "Char i1", "Byte u1", "Bool ?")
STORAGES = {f"{word}Storage": np.dtype(code) for word, code in map(str.split, SHORT)} | {"BFloat16Storage": "bfloat16"}
DTYPES = {
    **{"float32": np.dtype("f4"), "float64": np.dtype("f8"), "float16": np.dtype("f2"), "bfloat16": "bfloat16"},
    **{"int64": np.dtype("i8"), "int32": np.dtype("i4"), "int16": np.dtype("i2"), "int8": np.dtype("i1")},
    **{"uint8": np.dtype("u1"), "bool": np.dtype("?")},
}


class Foreign:
    """Something that the pickle names and that is not made: it takes whatever is done to it, and does nothing.

    what: its name, "torch.float8_e4m3fn".
    """

    what = "an object"

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass

    add = append


@cache
def foreign(what):
    """The kind of `Foreign` that stands for what the pickle calls so."""
    return type("Foreign", (Foreign,), {"what": what})


class Storage:
    """Bytes that tensors look into; `read` fetches them when the first of them is asked for."""

    def __init__(self, dtype, count, read=None):
        self.dtype, self.count, self.read, self.data = dtype, count, read, None

    def array(self, dtype=None):
        dtype = dtype or self.dtype
        if self.data is None:
            self.data = self.read() if self.read else b""
        return np.frombuffer(self.data, np.dtype("u2") if dtype == "bfloat16" else dtype), dtype


@dataclass(frozen=True)
class Tensor:
    """A view into a storage, as torch describes it; sizes in elements."""

    storage: Storage
    offset: int
    size: tuple
    stride: tuple
    dtype: object = None

    def array(self):
        """The values as a NumPy array; bfloat16 as float32. Raises ValueError where they reach outside the storage."""
        flat, dtype = self.storage.array(self.dtype)
        numbers = (self.offset, *self.size, *self.stride)
        if len(self.size) != len(self.stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise ValueError("a tensor has no sensible shape")
        reach = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True)) + 1
        if 0 in self.size:
            value = np.zeros(self.size, flat.dtype)
        elif reach > len(flat):
            raise ValueError("a tensor reaches beyond its storage")
        else:
            strides = [step * flat.itemsize for step in self.stride]
            value = np.lib.stride_tricks.as_strided(flat[self.offset :], self.size, strides, writeable=False)
        return (value.astype("<u4") << 16).view("<f4") if dtype == "bfloat16" else value


def _tensor(storage, offset, size, stride, *rest):
    if not isinstance(storage, Storage):
        return storage  # of a type that NumPy has not
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _tensor_of_type(storage, offset, size, stride, requires_grad, hooks, dtype, *rest):
    if not isinstance(storage, Storage):
        return storage
    if not (isinstance(dtype, np.dtype) or dtype == "bfloat16"):
        return dtype() if isinstance(dtype, type) else Foreign()
    return Tensor(storage, offset, tuple(size), tuple(stride), dtype)


def _parameter(data, *rest):
    return data


def _subclass(function, kind, arguments, state):
    return function(*arguments) if function in (_tensor, _tensor_of_type, _parameter) else Foreign()


KNOWN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_of_type,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _subclass,
    **{("torch", name): dtype for name, dtype in DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, storage):
        super().__init__(file, encoding="utf-8")
        self.storage = storage

    def find_class(self, module, name):
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return STORAGES.get(name, name)
        return KNOWN.get((module, name)) or foreign(" ".join(f"{module}.{name}".split())[:100])

    def persistent_load(self, pid):
        kind, dtype, key, _, count, *view = pid
        dtype = np.dtype("u1") if dtype == "UntypedStorage" else dtype
        if kind != "storage" or not (isinstance(dtype, np.dtype) or dtype == "bfloat16") or (view and view[0]):
            return foreign(f"torch.{dtype}" if isinstance(dtype, str) else "torch.storage")()
        return self.storage(dtype, str(key), int(count))


def read(path):
    """What was saved at `path`: dicts, lists, numbers, `Tensor`s, and a `Foreign` for all else.

    Raises:
      UserError: the file is a program (TorchScript), or of a layout older than torch 0.4.
      others (pickle.UnpicklingError, ValueError, EOFError, zipfile.BadZipFile ...): it is damaged.
    """
    with open(path, "rb") as file:
        return _archive(path) if file.read(2) == b"PK" else _stream(path)


def _archive(path):
    archive = zipfile.ZipFile(path)
    root = next(name for name in archive.namelist() if name.endswith("data.pkl")).removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.namelist() or any(n.startswith(f"{root}code/") for n in archive.namelist()):
        raise UserError(
            f"{path} is TorchScript, a program with its weights: nothing in it is run. "
            "Open it with torch.jit.load and save its state_dict()."
        )
    swap = f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") == b"big"
    made = {}

    def storage(dtype, key, count):
        if key not in made:
            made[key] = Storage(dtype, count, lambda: _bytes(archive, f"{root}data/{key}", swap and dtype))
        return made[key]

    with archive.open(f"{root}data.pkl") as file:
        return _Unpickler(file, storage).load()


def _bytes(archive, name, swap):
    data = archive.read(name)
    if swap:
        data = np.frombuffer(data, np.dtype("u2") if swap == "bfloat16" else swap).byteswap().tobytes()
    return data


def _stream(path):
    made = {}

    def storage(dtype, key, count):
        return made.setdefault(key, Storage(dtype, count))

    with open(path, "rb") as file:
        if _Unpickler(file, storage).load() != MAGIC:
            raise UserError(f"{path} is a pickle, and no file that torch.save wrote.")
        for _ in range(2):  # the protocol's version, the machine it was written on
            _Unpickler(file, storage).load()
        content = _Unpickler(file, storage).load()
        for key in _Unpickler(file, storage).load():
            found = made[str(key)]
            (count,) = struct.unpack("<q", file.read(8))
            size = 2 if found.dtype == "bfloat16" else found.dtype.itemsize
            found.data = file.read(count * size)
            if len(found.data) != count * size:
                raise EOFError("the file ends before its last tensor")
    return content
