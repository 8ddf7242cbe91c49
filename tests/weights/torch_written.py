"""What `torch.save(state_dict)` writes, in both of its layouts, written without torch: for tests that only read it."""

import pickle
import struct
import zipfile

import numpy as np

from keras_cnns.weights.torch_files import MAGIC

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


def save(state, path, zipped=True):
    """Writes the arrays of `state` by name. zipped: the layout since torch 1.6; otherwise the one before."""
    arrays = {name: np.ascontiguousarray(value) for name, value in state.items()}
    content = _state_dict(arrays, zipped)
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            archive.writestr("archive/byteorder", "little")
            for i, value in enumerate(arrays.values()):
                archive.writestr(f"archive/data/{i}", value.tobytes())
            archive.writestr("archive/version", "3\n")
        return
    with open(path, "wb") as file:
        for part in (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}):
            file.write(pickle.dumps(part, protocol=2))
        file.write(content)
        file.write(pickle.dumps([str(i) for i in range(len(arrays))], protocol=2))
        for value in arrays.values():
            file.write(struct.pack("<q", value.size) + value.tobytes())


def _state_dict(arrays, zipped):
    """A pickle, put together by its codes: a dict of calls that rebuild tensors from storages named by number."""
    codes = [pickle.PROTO, b"\x02", pickle.EMPTY_DICT, pickle.MARK]
    for i, (name, value) in enumerate(arrays.items()):
        strides = [step // value.itemsize for step in value.strides]
        storage = [_text("storage"), _global("torch", STORAGES[value.dtype.name]), _text(str(i)), _text("cpu")]
        storage += [_number(value.size)] if zipped else [_number(value.size), pickle.NONE]
        codes += [_text(name), _global("torch._utils", "_rebuild_tensor_v2")]
        codes += [pickle.MARK, _tuple(*storage), pickle.BINPERSID, _number(0)]
        codes += [_tuple(*map(_number, value.shape)), _tuple(*map(_number, strides)), pickle.NEWFALSE]
        codes += [_global("collections", "OrderedDict"), pickle.EMPTY_TUPLE, pickle.REDUCE]
        codes += [pickle.TUPLE, pickle.REDUCE]
    return b"".join([*codes, pickle.SETITEMS, pickle.STOP])


def _text(text):
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _number(n):
    return pickle.BININT + struct.pack("<i", n)


def _tuple(*codes):
    return pickle.MARK + b"".join(codes) + pickle.TUPLE


def _global(module, name):
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()
