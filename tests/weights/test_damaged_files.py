"""Damaged files of weights: whatever happened to a file, it is loaded whole or refused in one line, and never by half.

`python -m tests.weights.test_damaged_files 3000` tries as many cases, drawn with the seed 0.
"""

import json
import struct
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import keras_cnns
from keras_cnns.support.errors import UserError
from tests.weights import torch_written

SMALL = {"input_shape": (64, 64, 3), "classes": 5}
KINDS = ("own.keras", "own.weights.h5", "own.h5", "torch.pth", "older.pth", "torch.safetensors")
DAMAGES = ("cut", "flip", "blank", "insert", "delete", "repeat", "swap")


def safetensors(state):
    """The bytes of a .safetensors file."""
    header, begin = {}, 0
    for name, value in state.items():
        end = begin + value.nbytes
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(value.tobytes() for value in state.values())


class Whole(dict):
    """{name: bytes of a whole file}; a failing case prints few of them."""

    def __repr__(self):
        return f"{len(self)} files"


def whole(folder):
    """(a model, the whole files of its weights)."""
    model = keras_cnns.build("squeezenet1_1", **SMALL)
    state = torch_written.squeezenet()
    model.save(folder / "own.keras")
    model.save_weights(folder / "own.weights.h5")
    model.save(folder / "own.h5")
    torch_written.save(state, folder / "torch.pth")
    torch_written.save(state, folder / "older.pth", zipped=False)
    (folder / "torch.safetensors").write_bytes(safetensors(state))
    return model, Whole({name: (folder / name).read_bytes() for name in KINDS})


def damaged(data, damage, place, size, value):
    """`data` after an accident. place: 0 .. 1, of its length; size: of the accident in bytes."""
    at = int(place * max(len(data) - 1, 0))
    part = data[at : at + size]
    if damage == "cut":
        return data[:at]
    if damage == "delete":
        return data[:at] + data[at + size :]
    if damage == "insert":
        return data[:at] + bytes([value]) * size + data[at:]
    if damage == "repeat":
        return data[:at] + part + data[at:]
    if damage == "swap":
        return data[:at] + data[at + size : at + 2 * size] + part + data[at + 2 * size :]
    changed = bytes(b ^ value for b in part) if damage == "flip" else bytes(len(part))
    return data[:at] + changed + data[at + size :]


# what a file is, it says at its ends: half of all accidents happen there
places = st.floats(0, 1) | st.floats(0, 2e-3) | st.floats(0.99, 1)
accidents = st.tuples(st.sampled_from(DAMAGES), places, st.sampled_from((1, 1, 2, 8, 100, 4000)), st.integers(1, 255))


def hold(model, path, before, data, happened):
    """Loads `data` into `model`: it answers with all of the file's weights, or with those it had."""
    for accident in happened:
        data = damaged(data, *accident)
    path.write_bytes(data)
    model.set_weights(before)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            keras_cnns.load_weights(model, path)
        except UserError as error:
            text = str(error)
            assert text.strip() and "\n" not in text and len(text) < 1000
            after = model.get_weights()
            assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)), "loaded by half"
            return "refused"
    assert all(np.isfinite(value).all() for value in model.get_weights())
    return "loaded"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, *whole(folder)


@pytest.mark.parametrize("name", KINDS)
def test_the_whole_file_is_loaded(files, name):
    folder, model, data = files
    assert hold(model, folder / f"again.{name}", model.get_weights(), data[name], ()) == "loaded"


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(KINDS), st.lists(accidents, min_size=1, max_size=3))
def test_a_damaged_file_is_loaded_completely_or_refused_in_one_line(files, name, happened):
    folder, model, data = files
    hold(model, folder / f"damaged.{name}", model.get_weights(), data[name], happened)


HEADERS = [
    {"a.weight": {"dtype": "F32", "shape": [10**15], "data_offsets": [0, 4]}},
    {"a.weight": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}},
    {"a.weight": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
    {"a.weight": {"dtype": "F32", "shape": None, "data_offsets": [0, 4]}},
    {"a.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 10**30]}},
    {"a.weight": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
    {"a.weight": {"shape": [1]}},
    {"a.weight": 3},
    {"": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
    {},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_of_safetensors_that_makes_no_sense(files, header):
    folder, model, _ = files
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(4)
    assert hold(model, folder / "odd.safetensors", model.get_weights(), data, ()) == "refused"


@pytest.mark.parametrize("config", ["[]", "null", "3", '{"config": 3}', '{"config": {"layers": [3]}}', "{", "[" * 5000])
def test_a_keras_file_whose_description_is_none(files, config):
    """The tensors may be whole: loaded with what they are, or refused in a line."""
    folder, model, data = files
    with zipfile.ZipFile(folder / "odd.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", data["own.weights.h5"])
        archive.writestr("config.json", config)
    hold(model, folder / "odd.keras", model.get_weights(), (folder / "odd.keras").read_bytes(), ())


@pytest.mark.parametrize("preprocessing", ["torch", "unit"])
def test_another_preprocessing_than_torchs_is_a_warning(files, preprocessing):
    """`load_weights` cannot change what a model does to pixels: it says where the weights expect something else."""
    folder, _, data = files
    (folder / "torch.safetensors").write_bytes(data["torch.safetensors"])
    model = keras_cnns.build("squeezenet1_1", preprocessing=preprocessing, include_preprocessing=True, **SMALL)
    with warnings.catch_warnings(record=True) as message:
        warnings.simplefilter("always")
        keras_cnns.load_weights(model, folder / "torch.safetensors")
    assert any("prepares pixels as" in str(w.message) for w in message) == (preprocessing != "torch")


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        model, data = whole(Path(folder))
        before, outcomes = model.get_weights(), []

        @seed(0)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from(KINDS), st.lists(accidents, min_size=1, max_size=3))
        def cases(name, happened):
            outcomes.append(hold(model, Path(folder, f"damaged.{name}"), before, data[name], happened))

        cases()
    print({outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))})


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main(int(sys.argv[1]))
