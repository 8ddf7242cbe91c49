"""Flatbuffers in which many tables share one name, list or buffer: refused before they take memory or time."""

import tracemalloc

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.tflite.file.metadata_reader import read_metadata
from keras_cnns.tflite.file.reader import read_contents

KILOBYTE, MEGABYTE = 2**10, 2**20


def vector(builder, tables):
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def table(builder, **fields):
    """A table; the keywords are f0, f1 ... with the offset of what the field holds."""
    builder.StartObject(8)
    for name, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(int(name[1:]), offset, 0)
    return builder.EndObject()


def model(tensors=1, metadata=1):
    """A .tflite file whose tensors have one name of a megabyte, and whose metadata lie in one buffer of a megabyte."""
    builder = flatbuffers.Builder(1024)
    content, name = builder.CreateByteVector(bytes(MEGABYTE)), builder.CreateString("x" * MEGABYTE)
    buffers = [table(builder), table(builder, f0=content)]
    entries = []
    for number in range(metadata):
        entry = builder.CreateString(str(number))
        schema.MetadataStart(builder)
        schema.MetadataAddName(builder, entry)
        schema.MetadataAddBuffer(builder, 1)
        entries.append(schema.MetadataEnd(builder))
    tensor = table(builder, f3=name)
    graph = table(builder, f0=vector(builder, [tensor] * tensors))
    lists = [vector(builder, tables) for tables in ([graph], buffers, entries)]
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, lists[0])
    schema.ModelAddBuffers(builder, lists[1])
    schema.ModelAddMetadata(builder, lists[2])
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_name_or_a_buffer_may_be_shared(tmp_path):
    (tmp_path / "a.tflite").write_bytes(model(tensors=2, metadata=2))
    file = read_contents(tmp_path / "a.tflite")
    assert len(file.main.tensors) == 2 and len(file.metadata["1"]) == MEGABYTE


@pytest.mark.parametrize("many", [{"tensors": 200}, {"metadata": 200}])
def test_shared_far_more_often_than_the_file_is_long_it_is_refused(many, tmp_path):
    (tmp_path / "a.tflite").write_bytes(model(**many))
    tracemalloc.start()
    with pytest.raises(UnreadableFile, match="names and metadata are larger than the file"):
        read_contents(tmp_path / "a.tflite")
    assert tracemalloc.get_traced_memory()[1] < 50 * MEGABYTE
    tracemalloc.stop()


def metadata(tensors, files):
    """TFLite metadata whose tensors share one list of files, which share one name of a kilobyte."""
    builder = flatbuffers.Builder(1024)
    file = table(builder, f0=builder.CreateString("f" * KILOBYTE))
    tensor = table(builder, f6=vector(builder, [file] * files))
    graph = table(builder, f2=vector(builder, [tensor] * tensors))
    builder.Finish(table(builder, f3=vector(builder, [graph])), b"M001")
    return bytes(builder.Output())


def test_metadata_whose_tensors_share_their_files():
    assert len(read_metadata(metadata(3, 2)).inputs[2].other_files) == 2
    tracemalloc.start()
    with pytest.raises(UnreadableFile, match="metadata is damaged"):
        read_metadata(metadata(300, 300))
    assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    tracemalloc.stop()
