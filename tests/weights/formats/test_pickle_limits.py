"""What a pickle declares is compared with its size before Python allocates it."""

import io
import pickle
import struct

import pytest

from keras_cnns.weights.formats.pickle_limits import check_pickle


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
