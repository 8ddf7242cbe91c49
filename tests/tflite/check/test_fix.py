"""`fix` mends what can be mended exactly, and proves that the answers stay."""

import zipfile

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.check import fix as fixing
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.file.integer_ends import without_conversions
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.runner import predict
from tests.tflite.check.test_faults import described, int8_model, low_runtime, low_version, metadata_cut


@pytest.fixture
def broken(tmp_path):
    model = int8_model()
    low_version(model)
    low_runtime(model)
    path = tmp_path / "net.tflite"
    path.write_bytes(described(model))
    return path


def test_a_mended_file_has_no_fixable_fault_and_the_same_answers(broken, tmp_path):
    before = read_contents(broken)
    assert {f.code for f in faults(before) if f.fixable} == {"operator-version", "runtime-version"}
    changes = fixing.fix(before, tmp_path / "fixed.tflite")
    after = read_contents(tmp_path / "fixed.tflite")
    assert len(changes) == 2 and not [f for f in faults(after) if f.fixable]
    assert after.min_runtime_version == "1.14.0"
    assert {code.name: code.version for code in after.codes}["FULLY_CONNECTED"] == 4
    rows = np.random.default_rng(0).uniform(-1, 1, (8, 4)).astype("f4")
    np.testing.assert_array_equal(predict(broken, rows), predict(tmp_path / "fixed.tflite", rows))
    with zipfile.ZipFile(broken) as first, zipfile.ZipFile(tmp_path / "fixed.tflite") as other:
        assert {n: first.read(n) for n in first.namelist()} == {n: other.read(n) for n in other.namelist()}


def test_damaged_metadata_is_removed(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(metadata_cut())
    assert fixing.fix(read_contents(path), tmp_path / "fixed.tflite") == ["removed the damaged metadata"]
    assert "TFLITE_METADATA" not in read_contents(tmp_path / "fixed.tflite").metadata


def int8_ends():
    """`int8_model` without its conversions."""
    return without_conversions(described())


def test_labels_get_plain_line_ends(tmp_path):
    source, path = described(), tmp_path / "net.tflite"
    path.write_bytes(source[: source.index(b"PK\x03\x04")])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\r\ndog\r\nowl")
    changes = fixing.fix(read_contents(path), tmp_path / "fixed.tflite")
    assert changes == ["ended the lines of labels with LF instead of CR LF"]
    with zipfile.ZipFile(tmp_path / "fixed.tflite") as archive:
        assert archive.read("labels.txt") == b"cat\ndog\nowl"


def test_int8_ends_become_uint8_for_mediapipe(tmp_path):
    path, fixed = tmp_path / "net.tflite", tmp_path / "fixed.tflite"
    path.write_bytes(int8_ends())
    assert fixing.fix(read_contents(path), fixed) == []  # LiteRT takes them
    assert fixing.fix(read_contents(path), fixed, "mediapipe") == ["made int8 inputs and outputs uint8"]
    after = read_contents(fixed)
    assert {tensor.type for tensor in (*after.inputs.values(), *after.outputs.values())} == {"UINT8"}
    rows = np.random.default_rng(0).uniform(-1, 1, (8, 4)).astype("f4")
    np.testing.assert_array_equal(predict(path, rows), predict(fixed, rows))


def test_float_ends_become_integers_for_an_npu(tmp_path):
    path, fixed = tmp_path / "net.tflite", tmp_path / "fixed.tflite"
    path.write_bytes(described())
    changes = fixing.fix(read_contents(path), fixed, "ethos-u55-128")
    assert changes == ["left out the conversions between floats and integers at the inputs and outputs"]
    after = read_contents(fixed)
    assert {tensor.type for tensor in (*after.inputs.values(), *after.outputs.values())} == {"INT8"}
    assert [operator.name for operator in after.main.operators] == ["FULLY_CONNECTED", "SOFTMAX"]
    rows = np.random.default_rng(0).uniform(-1, 1, (8, 4)).astype("f4")
    np.testing.assert_array_equal(predict(path, rows), predict(fixed, rows))


def test_targets_that_want_different_ends(tmp_path, monkeypatch):
    path = tmp_path / "net.tflite"
    path.write_bytes(described())
    monkeypatch.setattr(fixing, "_fixable", lambda *_: {fixing.UINT8_ENDS, fixing.INTEGER_ENDS})
    with pytest.raises(UserError, match="suit all of these targets"):
        fixing.fix(read_contents(path), tmp_path / "fixed.tflite", "mediapipe,ethos-u55-128")


def test_a_sound_file_is_left_alone(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(described())
    assert fixing.fix(read_contents(path), tmp_path / "fixed.tflite") == []
    assert not (tmp_path / "fixed.tflite").exists()


def test_a_mended_file_that_answers_otherwise_is_not_written(broken, tmp_path, monkeypatch):
    def wrong(file, codes):
        model = fixing.flatbuffer.read(file.path.read_bytes())
        model.buffers[2].data = np.zeros_like(model.buffers[2].data) + 1
        return fixing.versions.declared(fixing.flatbuffer.write(model)), ["changed the bias"]

    monkeypatch.setattr(fixing, "mended", wrong)
    with pytest.raises(UserError, match="output scores of net.tflite changed"):
        fixing.fix(read_contents(broken), tmp_path / "fixed.tflite")
    assert not (tmp_path / "fixed.tflite").exists()


def test_a_packed_file_that_unpacks_to_too_much_is_found_and_not_read(broken, tmp_path):
    with zipfile.ZipFile(broken, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(20 << 20))
    file = read_contents(broken)
    (finding,) = [f for f in faults(file) if f.code == "damaged-archive"]
    assert "zeros.txt" in finding.message and "times as much" in finding.message
    with pytest.raises(UserError, match="zeros.txt.*times as much") as error:
        fixing.fix(file, tmp_path / "fixed.tflite")
    assert "\n" not in str(error.value) and not (tmp_path / "fixed.tflite").exists()


def test_a_file_with_a_damaged_member_is_not_written_again(broken, tmp_path):
    data = broken.read_bytes()
    with zipfile.ZipFile(broken) as archive:
        member = archive.infolist()[0]
    start = data.index(member.filename.encode()) + len(member.filename)
    broken.write_bytes(data[:start] + bytes([data[start] ^ 255]) + data[start + 1 :])
    with pytest.raises(UserError, match="cannot be read"):
        fixing.fix(read_contents(broken), tmp_path / "fixed.tflite")
    assert not (tmp_path / "fixed.tflite").exists()


def test_a_file_that_a_rule_cannot_read_is_damaged(broken, tmp_path):
    """An operator without a result."""
    model = fixing.flatbuffer.read(broken.read_bytes())
    model.subgraphs[0].operators[0].outputs = np.zeros(0, np.int32)
    broken.write_bytes(fixing.flatbuffer.write(model))
    damaged = [finding for finding in faults(read_contents(broken)) if finding.code == "damaged"]
    assert len(damaged) == 1 and damaged[0].severity == "error"
