"""Kernels that are mostly zero are stored sparse: smaller files with the same answers, in LiteRT and in the browser."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_cnns.support.errors import NotInstalled
from keras_cnns.tflite import Exporter, FileSettings, predict
from keras_cnns.tflite.file.convert import to_flatbuffer
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.file.sparse_weights import with_sparse_weights
from keras_cnns.tflite.targets.table import find
from tests.tflite.rewrite.test_sparse_form import network

PICTURES = np.random.default_rng(1).normal(size=(4, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def exporter():
    return Exporter(network((16, 16)), images=PICTURES)


SLOW = [pytest.param(scheme, marks=pytest.mark.slow) for scheme in ("float16", "weight_only_int8")]


@pytest.mark.parametrize("scheme", ["float32", *SLOW])
def test_the_file_answers_as_the_dense_one_and_is_smaller(exporter, scheme, tmp_path):
    reports = {
        kind: exporter.export(
            tmp_path / f"{kind}.tflite", scheme, FileSettings(sparse_weights=kind == "sparse"), force=True
        )
        for kind in ("sparse", "dense")
    }
    sparse, dense = (predict(tmp_path / f"{kind}.tflite", PICTURES) for kind in ("sparse", "dense"))
    np.testing.assert_allclose(sparse, dense, atol=1e-3 * np.abs(dense).max())
    assert any("sparse tensors" in note for note in reports["sparse"].notes)
    assert not any("sparse tensors" in note for note in reports["dense"].notes)
    tensors = read_contents(tmp_path / "sparse.tflite").main.tensors
    assert sum(tensor.sparse for tensor in tensors) >= 5
    assert reports["sparse"].undelegated == {"STRIDED_SLICE": 1}  # which mirrors the picture


def test_a_large_kernel_takes_a_third_of_its_size():
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(400)])
    kernel = model.layers[0].kernel.numpy()
    model.layers[0].kernel.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), 0.8), 0, kernel))
    dense = to_flatbuffer(model, 1)
    sparse, count = with_sparse_weights(dense)
    assert count == 1 and len(sparse) < 0.33 * len(dense)
    assert with_sparse_weights(sparse) == (sparse, 0)
    answers = []
    for data in (dense, sparse):
        interpreter = Interpreter(model_content=data)
        interpreter.allocate_tensors()
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], np.linspace(-1, 1, 300, dtype="float32")[None]
        )
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(*answers)


def test_kernels_of_zeros_alone_and_small_ones_stay_as_they_are():
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((40,)), dense(40, kernel_initializer="zeros"), dense(3)])
    model.layers[1].kernel.assign(np.eye(40, 3))
    data = to_flatbuffer(model, 1)
    assert with_sparse_weights(data) == (data, 0)


def test_other_targets_get_dense_weights(exporter, tmp_path):
    report = exporter.with_targets("tflite-micro").export(tmp_path / "net.tflite", force=True)
    assert not any(tensor.sparse for tensor in read_contents(tmp_path / "net.tflite").main.tensors), report.notes


@pytest.mark.slow
def test_the_browser_computes_it_too(exporter, tmp_path):
    path = tmp_path / "net.tflite"
    exporter.export(path, "float32", force=True)
    try:
        answers = find("browser").run(read_contents(path), {name: PICTURES for name in read_contents(path).inputs})
    except NotInstalled as error:
        pytest.skip(str(error))
    np.testing.assert_allclose(next(iter(answers.arrays.values())), predict(path, PICTURES), atol=1e-5)
