"""Whole networks become files that answer as they do: grouped convolutions, local response and group normalization,
weight standardization, auxiliary heads, hard-swish, dense connections; Keras's own networks as they come.

Weights are those of `benchmarks/export.py`: random, with batch-norm statistics and a last layer fitted to pictures.
Where there is no batch norm, random layers pass on so little that int8 loses it: those networks are trained on digits.
"""

import importlib.util
import sys
from pathlib import Path
from unittest.mock import patch

import keras
import pytest

from keras_cnns.tflite import export

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
OURS = {
    "resnext50_32x4d": 64,
    "alexnet": 127,
    "mobilenet_v3_small": 64,
    "se_resnet50": 64,
    "xception": 71,
    "efficientnet_v2_b0": 64,
    "convnext_tiny": 64,
    "convnext_v2_atto": 64,
    "nasnet_mobile": 64,
    "regnet_y_200mf": 64,
    "mobilenet_v4_conv_small": 64,
}
KERAS = {
    "MobileNetV3Small": 64,
    "EfficientNetB0": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "NASNetMobile": 64,
    "EfficientNetV2B0": 64,
    "ConvNeXtTiny": 64,
}


TRAINED = {"bit_r50x1": (2, {"depths": (1, 1, 1, 1)}), "googlenet": (5, {})}  # epochs, columns


@pytest.fixture(scope="module")
def bench():
    return page("export")


def page(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):  # what stands beside it
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "size"), [*OURS.items(), *((f"applications:{name}", size) for name, size in KERAS.items())]
)
def test_float32_and_int8(name, size, bench, tmp_path):
    (seen, known), (unseen, labels) = bench.pictures_for(name, 40, size)
    model = bench.calibrate(bench.build(name, size), seen, known)
    report = export(model, tmp_path / "net.tflite", images=unseen, labels=labels)
    assert report.status == "pass" and report.accuracy > 0.5, report.reasons
    report = export(model, tmp_path / "net.tflite", scheme="int8", calibration=seen[::2], images=unseen, labels=labels)
    assert report.status != "fail", report.reasons


@pytest.mark.parametrize("name", TRAINED)
def test_int8_of_a_trained_network_without_batch_norm(name, tmp_path, monkeypatch):
    digits = page("qat")
    epochs, columns = TRAINED[name]
    monkeypatch.setitem(digits.NETWORKS, name, (32, epochs, columns))
    keras.utils.set_random_seed(0)
    (pictures, labels), (held_out, truth) = digits.data(32)
    model = digits.build(name)
    digits.fit(model, keras, pictures[:1796], labels[:1796], rate=1e-3, epochs=epochs)
    options = {"calibration": pictures[:100], "images": held_out[:300], "labels": truth[:300]}
    report = export(model, tmp_path / "net.tflite", scheme="int8", **options)
    assert report.status != "fail" and report.accuracy > 0.8 and report.snr_db > 20, report.reasons
