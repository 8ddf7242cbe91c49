"""What `torch.save` writes, in both of its layouts, written without torch: for tests that only read it."""

import pickle
import struct
import zipfile

import numpy as np

from keras_cnns.weights.formats.torch_files import MAGIC

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


def save(content, path, zipped=True):
    """Writes dicts and lists, in each other, of arrays, numbers and texts.

    zipped: the layout since torch 1.6; otherwise the one before.
    """
    arrays = []
    codes = b"".join([pickle.PROTO, b"\x02", _codes(content, arrays, zipped), pickle.STOP])
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", codes)
            archive.writestr("archive/byteorder", "little")
            for i, value in enumerate(arrays):
                archive.writestr(f"archive/data/{i}", value.tobytes())
            archive.writestr("archive/version", "3\n")
        return
    with open(path, "wb") as file:
        for part in (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}):
            file.write(pickle.dumps(part, protocol=2))
        file.write(codes)
        file.write(pickle.dumps([str(i) for i in range(len(arrays))], protocol=2))
        for value in arrays:
            file.write(struct.pack("<q", value.size) + value.tobytes())


def _codes(content, arrays, zipped):
    """A pickle, put together by its codes: tensors are calls that rebuild them from storages named by number."""
    if isinstance(content, np.ndarray):
        arrays.append(np.ascontiguousarray(content).reshape(content.shape))
        return _tensor(arrays[-1], len(arrays) - 1, zipped)
    if isinstance(content, dict):
        items = [code for k, v in content.items() for code in (_codes(k, arrays, zipped), _codes(v, arrays, zipped))]
        return b"".join([pickle.EMPTY_DICT, pickle.MARK, *items, pickle.SETITEMS])
    if isinstance(content, list):
        return b"".join([pickle.EMPTY_LIST, pickle.MARK, *(_codes(v, arrays, zipped) for v in content), pickle.APPENDS])
    return pickle.dumps(content, protocol=2)[2:-1]  # without its beginning and end


def _tensor(value, place, zipped):
    strides = [step // value.itemsize for step in value.strides]
    storage = [_text("storage"), _global("torch", STORAGES[value.dtype.name]), _text(str(place)), _text("cpu")]
    storage += [_number(value.size)] if zipped else [_number(value.size), pickle.NONE]
    codes = [_global("torch._utils", "_rebuild_tensor_v2")]
    codes += [pickle.MARK, _tuple(*storage), pickle.BINPERSID, _number(0)]
    codes += [_tuple(*map(_number, value.shape)), _tuple(*map(_number, strides)), pickle.NEWFALSE]
    codes += [_global("collections", "OrderedDict"), pickle.EMPTY_TUPLE, pickle.REDUCE]
    return b"".join([*codes, pickle.TUPLE, pickle.REDUCE])


def _text(text):
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _number(n):
    return pickle.BININT + struct.pack("<i", n)


def _tuple(*codes):
    return pickle.MARK + b"".join(codes) + pickle.TUPLE


def _global(module, name):
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def squeezenet(seed=0):
    """The tensors of SqueezeNet 1.1 with five classes under torchvision's names."""
    rng, state = np.random.default_rng(seed), {}

    def convolution(name, here, there, side):
        kernel = rng.normal(0, (2 / (here * side**2)) ** 0.5, (there, here, side, side))
        state.update({f"{name}.weight": kernel.astype("float32"), f"{name}.bias": np.full(there, 0.1, "float32")})

    convolution("features.0", 3, 64, 3)
    here = 64
    for place, squeezed in zip((3, 4, 6, 7, 9, 10, 11, 12), (16, 16, 32, 32, 48, 48, 64, 64), strict=True):
        convolution(f"features.{place}.squeeze", here, squeezed, 1)
        convolution(f"features.{place}.expand1x1", squeezed, 4 * squeezed, 1)
        convolution(f"features.{place}.expand3x3", squeezed, 4 * squeezed, 3)
        here = 8 * squeezed
    convolution("classifier.1", here, 5, 1)
    return state
