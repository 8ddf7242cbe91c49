"""A file that is meant for another target than LiteRT is asked there too, and fails if it fails there."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import BadArgument, RejectedExport
from keras_cnns.tflite import Exporter, Rejected, export
from tests.tflite.targets.fake_target import FakeTarget


def network(*layers):
    keras.utils.set_random_seed(0)
    bias = keras.initializers.RandomNormal(0.1, 1)  # the converter drops one of zeros
    end = keras.layers.Dense(3, activation="softmax", bias_initializer=bias)
    return keras.Sequential([keras.Input((6,)), *layers, end])


PICTURES = np.random.default_rng(0).normal(0, 1, (20, 6)).astype("float32")


def test_a_file_that_the_target_answers_rightly_passes(tmp_path):
    report = Exporter(network(), images=PICTURES, targets=["litert", FakeTarget()]).export(tmp_path / "n.tflite")
    (result,) = report.targets
    assert report.status == "pass" and (result.target, result.status, result.answered) == ("fake", "pass", True)


def test_a_file_that_the_target_refuses_is_rejected(tmp_path):
    exporter = Exporter(network(keras.layers.Activation("tanh")), images=PICTURES, targets=[FakeTarget()])
    with pytest.raises(Rejected, match="fake: TANH is not supported") as caught:
        exporter.export(tmp_path / "n.tflite")
    assert isinstance(caught.value, RejectedExport)
    assert not (tmp_path / "n.tflite").exists() and (tmp_path / "n.rejected.tflite").exists()


def test_the_reasons_name_the_file_and_not_the_temporary_one(tmp_path):
    exporter = Exporter(network(keras.layers.Activation("tanh")), images=PICTURES, targets=[FakeTarget()])
    report = exporter.export(tmp_path / "n.tflite", force=True)
    assert "fake cannot run n.tflite." in report.targets[0].reasons


def test_wrong_answers_of_the_target_fail_the_file(tmp_path, monkeypatch):
    run = FakeTarget.run

    def backwards(self, file, inputs):
        outputs = run(self, file, inputs)
        return type(outputs)({name: array[:, ::-1] for name, array in outputs.arrays.items()})

    monkeypatch.setattr(FakeTarget, "run", backwards)
    report = Exporter(network(), images=PICTURES, targets=[FakeTarget()]).export(tmp_path / "n.tflite", force=True)
    assert report.status == "fail" and report.targets[0].answered
    assert all(comparison.expected_loss == 0 for comparison in report.comparisons)  # LiteRT's own answers are right


def test_an_unknown_target_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(BadArgument, match="Did you mean openvino"):
        export(network(), tmp_path / "n.tflite", images=PICTURES, target="openvno")
    assert not list(tmp_path.iterdir())
