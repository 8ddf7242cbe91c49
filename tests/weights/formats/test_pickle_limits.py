"""What a pickle declares is compared with its size before Python allocates it."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats import array_pickles, readers, torch_files
from keras_cnns.weights.formats.pickle_limits import check_pickle, check_references
from tests.weights import torch_written


@pytest.mark.parametrize("protocol", range(6))
def test_sound_pickles_pass_and_the_position_stays(protocol):
    content = {"a": [1, 2.5, "größe"], "b": {n: (n, str(n)) for n in range(300)}, "c": b"x" * 70_000}
    data = b"before" + pickle.dumps(content, protocol=protocol) + b"after"
    file = io.BytesIO(data)
    file.seek(6)
    check_pickle(file)
    assert file.tell() == 6 and pickle.load(file) == content and file.read() == b"after"


BAD = {
    "a memo": b"]" + pickle.LONG_BINPUT + struct.pack("<I", 2**31 - 1) + b".",
    "a memo of old pickles": b"]p99999999\n.",
    "a text": pickle.BINUNICODE + struct.pack("<I", 2**31) + b"a.",
    "a long text": pickle.BINUNICODE8 + struct.pack("<Q", 2**50) + b"a.",
    "bytes": pickle.BINBYTES8 + struct.pack("<Q", 2**50) + b"a.",
    "a frame": pickle.PROTO + b"\x04" + pickle.FRAME + struct.pack("<Q", 2**50) + b"N.",
    "no end": b"]",
    "no pickle": b"\xff\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD)
def test_what_declares_more_than_it_holds_is_refused(kind):
    with pytest.raises(pickle.UnpicklingError):
        check_pickle(io.BytesIO(BAD[kind]))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_with_such_a_pickle_is_refused(tmp_path, zipped):
    path = tmp_path / "weights.pth"
    torch_written.save({"conv.weight": np.ones((1, 2, 3, 3), np.float32)}, path, zipped)
    readers.read(path)
    memo = pickle.EMPTY_DICT + pickle.LONG_BINPUT + struct.pack("<I", 100_000)  # an honest one counts from 0
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.PROTO + b"\x02" + memo + b".")
    else:
        head = b"".join(pickle.dumps(part, protocol=2) for part in (torch_files.MAGIC, 1001, {}))
        path.write_bytes(head + pickle.PROTO + b"\x02" + memo + b".")
    with pytest.raises(UserError):
        readers.read(path)


def tripled(times):
    """Opcodes of tuples that hold the one before three times."""
    return pickle.EMPTY_TUPLE + (pickle.DUP * 2 + pickle.TUPLE3) * times


def text(word):
    return pickle.BINUNICODE + struct.pack("<I", len(word)) + word.encode()


def of_torch(path, opcodes):
    """A file of torch with this pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.PROTO + b"\x02" + opcodes + b".")
    return path


STORAGE = text("storage") + b"ctorch\nFloatStorage\n"
MULTIPLIED = {
    "as a key": (b"}", b"K\x01s"),
    "as the name of a storage": (b"}" + text("a") + b"(" + STORAGE, text("cpu") + b"K\x01tQs"),
    "as an argument": (b"ctorch\nSize\n", b"\x85R"),
}


@pytest.mark.parametrize("kind", MULTIPLIED)
def test_tuples_that_multiply_are_refused_before_they_are_used(kind, tmp_path):
    """15 in one another take a second without the check; from about 30 on, no time would be enough."""
    before, after = MULTIPLIED[kind]
    check_pickle(io.BytesIO(pickle.PROTO + b"\x02" + before + tripled(12) + after + b"."))
    with pytest.raises(pickle.UnpicklingError, match="use one another"):
        check_pickle(io.BytesIO(pickle.PROTO + b"\x02" + before + tripled(40) + after + b"."))
    with pytest.raises(UserError, match="use one another"):
        readers.read(of_torch(tmp_path / "a.pth", before + tripled(15) + after))


@pytest.mark.parametrize("kind", [list, dict])
def test_lists_and_dicts_that_multiply_are_refused(kind, tmp_path):
    content = {}
    for _ in range(6):
        content = [content] * 30 if kind is list else {str(n): content for n in range(30)}
    with pytest.raises(pickle.UnpicklingError, match="use one another"):
        check_references(content)
    data = pickle.dumps(content, protocol=2)[2:-1]
    with pytest.raises(UserError, match="use one another"):
        readers.read(of_torch(tmp_path / "a.pth", data))
    inside = [{"a": 1}]
    inside.append(inside)
    check_references({"model": {str(n): n for n in range(1000)}, "loss": list(range(1000)), "x": inside})


@pytest.mark.parametrize(
    "call",
    [
        b"c_codecs\nencode\n" + tripled(12) + b"\x85R",
        b"cnumpy\ndtype\n" + tripled(12) + b"\x85R",
        b"cnumpy.core.numeric\n_frombuffer\n(\x8a\x04\x00\x00\x00\x10NNNtR",  # 256 MB, if it were a number of bytes
    ],
)
def test_arguments_of_another_kind_are_refused(call, tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.PROTO + b"\x02" + call + b".")
    with pytest.raises(ValueError, match="is not|something else"):
        array_pickles.read(tmp_path / "a.pkl")


def test_a_pickle_does_not_change_the_functions_that_it_calls(tmp_path):
    """BUILD sets attributes of what it is given."""
    state = b"N}" + text("__defaults__") + b"K\x01\x85s\x86b"
    for name in (b"_rebuild_parameter", b"_rebuild_tensor_v2"):
        with pytest.raises(UserError):
            readers.read(of_torch(tmp_path / "a.pth", b"ctorch._utils\n" + name + b"\n" + state))
    assert torch_files._parameter.__defaults__ is None and torch_files._tensor.__defaults__ is None
    changed = b"c_codecs\nencode\n" + state
    (tmp_path / "a.pkl").write_bytes(pickle.PROTO + b"\x02" + changed + b".")
    array_pickles.read(tmp_path / "a.pkl")
    assert array_pickles._encode.__defaults__ == ("latin1",)


def test_many_tensors_of_one_storage_are_refused(tmp_path):
    """Each expands 100 values to 500,000: together far more than the file has bytes."""
    path = tmp_path / "a.pth"
    torch_written.save({"conv.weight": np.ones(100, np.float32)}, path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    storage = b"(" + STORAGE + text("0") + text("cpu") + b"KdtQ"
    size = b"J" + struct.pack("<i", 500_000) + b"\x85"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + size + b"K\x00\x85\x89N" + b"tR"
    rows = b"".join(text(f"a{n}.weight") + tensor for n in range(100))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            pkl = pickle.PROTO + b"\x02}(" + rows + b"u."
            archive.writestr(name, pkl if name.endswith("data.pkl") else data)
    with pytest.raises(UserError, match="50000000 elements in"):
        readers.read(path)
