"""Malformed .safetensors files: what the library that defines them refuses is refused, in one line."""

import json
import struct

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.weights import read


def row(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def file_of(header, values):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


TWICE = b'{"a.w": ' + json.dumps(row(0, 4)).encode() + b', "a.w": ' + json.dumps(row(0, 4)).encode() + b"}"
MALFORMED = {
    "bytes at the end that no tensor uses": file_of({"a.w": row(0, 4)}, bytes(8)),
    "bytes at the beginning that no tensor uses": file_of({"a.w": row(4, 8)}, bytes(8)),
    "a hole": file_of({"a.w": row(0, 4), "b.w": row(8, 12)}, bytes(12)),
    "two tensors that share bytes": file_of({"a.w": row(0, 8, (2,)), "b.w": row(4, 12, (2,))}, bytes(12)),
    "a name twice": file_of(TWICE, bytes(4)),
    "a shape of another size": file_of({"a.w": row(0, 4, (2,))}, bytes(4)),
    "the end before the beginning": file_of({"a.w": row(4, 0)}, bytes(4)),
    "beyond the end": file_of({"a.w": row(0, 40, (10,))}, bytes(4)),
    "a header longer than the file": struct.pack("<Q", 1000) + b'{"a.w": 1}',
    "an enormous shape": file_of({"a.w": row(0, 4, (2**40, 2**40))}, bytes(4)),
    "a negative shape": file_of({"a.w": row(0, 4, (-1,))}, bytes(4)),
    "a row that is no object": file_of({"a.w": 3}, bytes(4)),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_refused(kind, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(MALFORMED[kind])
    with pytest.raises(UserError, match="damaged") as error:
        read(tmp_path / "x.safetensors")
    assert "\n" not in str(error.value)


def test_types_that_numpy_does_not_have(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(file_of({"a.w": row(0, 1, dtype="F8_E4M3")}, bytes(1)))
    with pytest.raises(UserError, match="F8_E4M3, which cannot be read: save them as float32"):
        read(tmp_path / "x.safetensors")


@pytest.mark.parametrize(("dtype", "values"), [("F16", b"\x00\x3c\x00\xc0"), ("BF16", b"\x80\x3f\x00\xc0")])
def test_half_precision_becomes_float32(dtype, values, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(file_of({"a.w": row(0, 4, (2,), dtype)}, values))
    array = read(tmp_path / "x.safetensors").arrays["a/w"]
    np.testing.assert_array_equal(array, [1.0, -2.0])
    assert array.dtype == "float32"
