"""A flatbuffer is written with its weights inside, aligned, and what follows it behind."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file import flatbuffer, packing

SIZES = [0, 1, 5, 255, 257, 4096, 4099, 100_000]


def model_of(*arrays):
    model = schema.ModelT()
    model.version, model.description = 3, b"weights"
    model.buffers = [schema.BufferT()]
    for array in arrays:
        buffer = schema.BufferT()
        buffer.data = array
        model.buffers.append(buffer)
    return model


def noise(size):
    return np.random.default_rng(size).integers(0, 256, size, np.uint8)


def test_weights_of_every_size_come_back_aligned():
    data = flatbuffer.write(model_of(*map(noise, SIZES)))
    root = schema.Model.GetRootAs(data)
    for number, size in enumerate(SIZES, 1):
        buffer = root.Buffers(number)
        assert bytes(buffer.DataAsNumpy() if size else b"") == noise(size).tobytes()
        field = buffer._tab.Offset(4)
        assert buffer._tab.Vector(field) % 16 == 0


@pytest.mark.parametrize("part", [packing.PART, 1000, 1])
def test_floats_in_any_order_of_axes(part, monkeypatch):
    monkeypatch.setattr(packing, "PART", part)  # bytes that are copied at a time
    kernel = np.random.default_rng(0).random((7, 5, 30), np.float32)
    data = flatbuffer.write(model_of(kernel.transpose(2, 0, 1)))
    kept = np.frombuffer(bytes(schema.Model.GetRootAs(data).Buffers(1).DataAsNumpy()), np.float32)
    assert np.array_equal(kept.reshape(30, 7, 5), kernel.transpose(2, 0, 1))


def test_what_stands_behind_knows_where_it_begins():
    starts = []
    data = flatbuffer.write(model_of(noise(1000)), behind=lambda size: starts.append(size) or b"card")
    assert data[starts[0] :] == b"card"
    assert data[: starts[0]] == flatbuffer.write(model_of(noise(1000)))


def test_more_than_a_flatbuffer_can_hold_is_one_line():
    with pytest.raises(UserError, match="more than 2 GB"):
        flatbuffer.write(model_of(np.zeros(2**31, np.uint8)))  # pages that nothing touches take no memory
