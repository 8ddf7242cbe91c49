"""Reading a `.tflite` file without running it: the same facts as LiteRT's own, and one line for what is no file."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.reader import read_contents
from tests.tflite.targets.conftest import dense_file, dense_model, operator_code  # noqa: F401


def test_it_reads_what_the_interpreter_reads(dense_file):  # noqa: F811
    from ai_edge_litert.interpreter import Interpreter

    file, interpreter = read_contents(dense_file), Interpreter(str(dense_file))
    assert [o.name for o in file.main.operators] == [d["op_name"] for d in interpreter._get_ops_details()]
    for detail in interpreter.get_tensor_details()[:5]:
        read = file.main.tensors[detail["index"]]
        assert (read.name, read.shape) == (detail["name"], tuple(detail["shape"]))
    assert list(file.inputs) == ["x"] and list(file.outputs) == ["scores"] and file.batch == 1
    assert file.main.operators[1].options.beta == 1.0


def test_constants_are_read_where_they_lie(dense_file):  # noqa: F811
    file, model = read_contents(dense_file), dense_model()
    weights = file.values(file.main.tensors[1])
    np.testing.assert_array_equal(weights.ravel(), model.buffers[1].data.view("f4"))
    assert file.values(file.main.tensors[3]) is None


def test_the_two_operator_codes_are_distinguished(tmp_path):
    model = dense_model()
    model.operatorCodes[1].deprecatedBuiltinCode = 0
    model.operatorCodes.append(operator_code("CUSTOM", custom=b"MyOperator"))
    (tmp_path / "net.tflite").write_bytes(flatbuffer.write(model))
    codes = read_contents(tmp_path / "net.tflite").codes
    assert [(c.name, c.deprecated == c.builtin) for c in codes[:2]] == [("FULLY_CONNECTED", True), ("SOFTMAX", False)]
    assert codes[2].name == "MyOperator" and codes[2].custom


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 file"),
        (bytes(100), "is not a .tflite file"),
        (bytes(4) + b"TFL3" + bytes(200), "no network|damaged"),
        (None, "there is no file"),
    ],
)
def test_what_is_no_tflite_file(content, message, tmp_path):
    path = tmp_path / "net.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=message):
        read_contents(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=12))
def test_a_damaged_file_is_read_or_refused(cut, flips, tmp_path):
    data = bytearray(flatbuffer.write(dense_model()))
    for place, change in flips:
        data[int(place * len(data))] ^= change
    (tmp_path / "net.tflite").write_bytes(bytes(data[: int(len(data) * cut)]))
    try:
        read_contents(tmp_path / "net.tflite")
    except UnreadableFile as error:
        assert "\n" not in str(error)
