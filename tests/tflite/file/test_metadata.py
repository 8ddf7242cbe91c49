"""Metadata of a file, read back by the schema's field numbers alone; and the result of `describe`."""

import json
import zipfile

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from rich.console import Console

from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.check.describe import describe, tables
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.file.metadata import attach, normalization

CARD = Card("Cats & dogs", ("cat", "dog", "Käfer"), {"author": "Ada", "license": "Apache-2.0", "recipe": "pets"})


class Reader:
    """A flatbuffer table by field numbers (independent of the writer)."""

    def __init__(self, data, position=None):
        self.data = data
        position = flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0) if position is None else position
        self.table = flatbuffers.table.Table(data, position)

    def _offset(self, number):
        return self.table.Offset(4 + 2 * number)

    def text(self, number):
        return self.table.String(self._offset(number) + self.table.Pos).decode()

    def number(self, number, flags):
        return self.table.Get(flags, self._offset(number) + self.table.Pos)

    def child(self, number):
        return Reader(self.data, self.table.Indirect(self._offset(number) + self.table.Pos))

    def union(self, number):
        return Reader(self.data, self.table.Indirect(self._offset(number) + self.table.Pos))

    def list(self, number):
        start, count = self.table.Vector(self._offset(number)), self.table.VectorLen(self._offset(number))
        return [Reader(self.data, self.table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, number):
        return self.table.GetVectorAsNumpy(flatbuffers.number_types.Float32Flags, self._offset(number)).tolist()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    image = keras.Input((20, 30, 3), name="photo")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    model = keras.Model(image, keras.layers.Dense(3, "softmax", name="scores")(x))
    path = tmp_path_factory.mktemp("metadata") / "net.tflite"
    path.write_bytes(attach(convert.to_flatbuffer(model), CARD, normalization=normalization(-1, 1)))
    return path


def test_tflite_metadata_is_where_readers_look(file):
    data = file.read_bytes()
    model = schema.Model.GetRootAs(data, 0)
    entries = {model.Metadata(i).Name(): model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    inside = bytes(model.Buffers(entries[b"TFLITE_METADATA"]).DataAsNumpy())
    assert inside[4:8] == b"M001"
    root = Reader(inside)
    assert (root.text(0), root.text(4), root.text(5)) == ("Cats & dogs", "Ada", "Apache-2.0")
    (graph,) = root.list(3)
    (image,), (scores,) = graph.list(2), graph.list(3)
    assert (image.text(0), scores.text(0)) == ("photo", "scores")
    flags = flatbuffers.number_types
    properties = image.child(3).union(1)
    assert properties.number(0, flags.Int8Flags) == 1  # RGB
    size = properties.child(1)
    assert (size.number(0, flags.Uint32Flags), size.number(1, flags.Uint32Flags)) == (30, 20)
    (unit,) = image.list(4)
    assert unit.union(1).floats(0) == unit.union(1).floats(1) == [127.5]
    (labels,) = scores.list(6)
    assert (labels.text(0), labels.number(2, flags.Int8Flags)) == ("labels.txt", 2)


def test_labels_are_packed_uncompressed(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.read("labels.txt").decode().split("\n") == ["cat", "dog", "Käfer"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    assert read_card(file) == CARD


def test_weights_lie_at_multiples_of_sixteen(file):
    data = file.read_bytes()
    model = schema.Model.GetRootAs(data, 0)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers if buffer.DataLength()]
    assert starts and all(start % 16 == 0 for start in starts)
    assert all(buffer.Offset() <= 1 for buffer in buffers)  # nothing is kept outside the flatbuffer


@pytest.mark.slow
def test_describe_tells_what_the_file_is(network, digits, tmp_path):
    (pictures, _), (images, _) = digits
    path = tmp_path / "net.tflite"
    export(network, path, scheme="int8", calibration=pictures, images=images, input_type="uint8", names=range(10))
    message = describe(path)
    assert message["labels"] == list("0123456789") and message["name"] == "digits_net"
    (image,), (scores,) = message["inputs"], message["outputs"]
    assert (image["type"], image["shape"], image["zero_point"]) == ("uint8", [1, 16, 16, 1], 0)
    assert image["scale"] == pytest.approx(1 / 255)
    assert scores["type"] == "float32" and scores["scale"] == 0
    operators = {row["operator"]: row for row in message["operators"]}
    assert operators["CONV_2D"] == {"operator": "CONV_2D", "count": 3, "outside": 0}
    assert operators["QUANTIZE"]["outside"] == 1  # uint8 to int8
    # the widest place is within a block of 8x8x16 bytes that is summed with another
    assert 2 * 8 * 8 * 16 <= message["arena_bytes"] <= 5 * 8 * 8 * 16
    assert message["source"]["scheme"] == "int8" and len(message["source"]["weights_sha256"]) == 64
    json.dumps(message)
    console = Console(width=100, record=True)
    for table in tables(message):
        console.print(table)
    assert "uint8" in console.export_text()


def test_the_digest_follows_the_weights(tmp_path):
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    digests = []
    for _ in range(2):
        export(model, tmp_path / "net.tflite")
        digests.append(read_card(tmp_path / "net.tflite").source["weights_sha256"])
        model.set_weights([w + 1 for w in model.get_weights()])
    assert digests[0] != digests[1]


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(UserError, match="no file"):
        describe(tmp_path / "net.tflite")
    for content in (b"", b"TFL3", b"no model at all", np.random.default_rng(0).bytes(5000)):
        (tmp_path / "net.tflite").write_bytes(content)
        with pytest.raises(UserError, match=r"net\.tflite") as caught:
            describe(tmp_path / "net.tflite")
        assert "\n" not in str(caught.value)
