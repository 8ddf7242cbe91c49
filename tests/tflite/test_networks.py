"""Whole networks become files that answer as they do: grouped convolutions, local response and group normalization,
weight standardization, auxiliary heads, hard-swish, dense connections; Keras's own networks as they come.

Weights are those of `benchmarks/export.py`: random, with batch-norm statistics and a last layer fitted to pictures.
"""

import importlib.util
from pathlib import Path

import pytest

from keras_cnns.tflite import export

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "benchmarks" / "export.py"
OURS = {
    "resnext50_32x4d": 64,
    "alexnet": 127,
    "bit_r50x1": 64,
    "googlenet": 64,
    "mobilenet_v3_small": 64,
    "se_resnet50": 64,
    "xception": 71,
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


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("benchmark_export", PAGE)
    module = importlib.util.module_from_spec(spec)
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
