"""What a pickle declares is compared with its size before Python allocates it."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats import readers, torch_files
from keras_cnns.weights.formats.pickle_limits import check_pickle
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
