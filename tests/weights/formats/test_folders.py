"""Folders as they come from a hub, weights in several files, and folders with one file of any name."""

import json

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.weights.formats import folders
from tests.weights import torch_written
from tests.weights.test_damaged_files import SMALL, safetensors

STATE = torch_written.squeezenet()


def kernel(path):
    model = keras_cnns.build("squeezenet1_1", weights=path, **SMALL)
    return model.get_layer("fire9_expand3x3_conv").kernel.numpy()


RIGHT = STATE["features.12.expand3x3.weight"].transpose(2, 3, 1, 0)
NAMES = list(STATE)
HALVES = [{name: STATE[name] for name in half} for half in (NAMES[:20], NAMES[20:])]


def cut(folder, kind, index=True):
    """The weights in two files, as transformers and timm write large ones."""
    stem, ending = ("model", ".safetensors") if kind == "safetensors" else ("pytorch_model", ".bin")
    files = [folder / f"{stem}-{i}-of-00002{ending}" for i in ("00001", "00002")]
    for file, half in zip(files, HALVES, strict=True):
        if kind == "safetensors":
            file.write_bytes(safetensors(half))
        else:
            torch_written.save(half, file)
    where = {name: file.name for file, half in zip(files, HALVES, strict=True) for name in half}
    if index:
        (folder / f"{stem}{ending}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return files


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("inputs", ["the folder", "the index", "a part", "a part, no index", "the folder, no index"])
def test_weights_in_two_files(kind, inputs, tmp_path):
    files = cut(tmp_path, kind, index="no index" not in inputs)
    places = {"folder": tmp_path, "part": files[1], "index": next(tmp_path.glob("*.json"), None)}
    np.testing.assert_array_equal(kernel(next(places[word] for word in places if word in inputs)), RIGHT)


@pytest.mark.parametrize("inputs", ["the folder", "a part"])
def test_a_part_that_is_missing_is_named(inputs, tmp_path):
    files = cut(tmp_path, "safetensors")
    files[0].unlink()
    with pytest.raises(UserError, match="lie in 2 files, and model-00001-of-00002.safetensors is not beside it"):
        kernel(tmp_path if inputs == "the folder" else files[1])


def test_parts_of_two_networks(tmp_path):
    files = cut(tmp_path, "safetensors")
    files[1].write_bytes(files[0].read_bytes())
    with pytest.raises(UserError, match="do not belong together"):
        kernel(tmp_path)


@pytest.mark.parametrize("held", ["3", "{}", '{"a": 3}', "[]", None])
def test_an_index_without_sense(held, tmp_path):
    text = "{" if held is None else f'{{"weight_map": {held}}}'
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(UserError) as error:
        kernel(tmp_path)
    assert "\n" not in str(error.value)


def test_an_index_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.safetensors").write_bytes(safetensors(STATE))
    where = dict.fromkeys(STATE, "../secret.safetensors")
    (tmp_path / "in" / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    with pytest.raises(UserError, match="secret.safetensors is not beside it"):
        kernel(tmp_path / "in")


@pytest.mark.parametrize("name", ["best.pth", "last.ckpt", "checkpoint.pth.tar", "WEIGHTS.PT", "weights"])
def test_a_folder_with_one_file_of_any_name(name, tmp_path):
    torch_written.save(STATE, tmp_path / name)
    (tmp_path / "README.md").write_text("how it was trained")
    if name == "weights":
        with pytest.raises(UserError, match="a folder with none of"):
            kernel(tmp_path)
    else:
        np.testing.assert_array_equal(kernel(tmp_path), RIGHT)


def test_a_folder_with_several_files_is_not_guessed_about(tmp_path):
    for name in ("best.pth", "last.pth"):
        torch_written.save(STATE, tmp_path / name)
    with pytest.raises(UserError, match="holds best.pth, last.pth: give the one you want"):
        kernel(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(safetensors(STATE))
    assert folders.file_in(tmp_path).name == "model.safetensors"
