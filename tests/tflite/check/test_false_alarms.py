"""`check` finds no fault in files of other tools that have none.

KERAS_CNNS_TFLITE_FILES names a folder of such files, for example those in the wheel of mediapipe 0.10.14.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_cnns.maintenance.calibrated import build_calibrated, pictures, shape_at
from keras_cnns.saving.keras_file import load_model
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.file.reader import read_contents
from tests.tflite.check.stock_files import SCHEMES, stock_files

FOLDER = os.environ.get("KERAS_CNNS_TFLITE_FILES")
FILES = sorted(Path(FOLDER).glob("*.tflite")) if FOLDER else []
TRAINED = Path(__file__).parents[1] / "trained" / "resnet8_cifar.keras"
# faults that the tools do make: AI Edge Quantizer's operator codes, and the converter's biases in int16x8
KNOWN = {"operator-code", "bias-scale"}


def alarms(path):
    return {finding.code: finding.message for finding in faults(read_contents(path)) if finding.severity != "note"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet8_cifar", "mobilenet_v2", "mobilenet_v3_small", "fcn8s", "efficientnet_lite0"])
def test_files_of_the_stock_converter(name, tmp_path):
    if name == "resnet8_cifar":
        model, seen = load_model(TRAINED), pictures(50, (32, 32, 3), seed=1)[0]
    else:
        seen, labels = pictures(50, shape_at(name, 64), seed=1)
        model = build_calibrated(name, 64, seen, labels)
    # the converter refuses int16x8 of a hard-swish
    schemes = [scheme for scheme in SCHEMES if scheme != "int16x8" or "mobilenet_v3" not in name]
    for scheme, data in stock_files(model, np.rint(seen), schemes).items():
        (tmp_path / "net.tflite").write_bytes(data)
        assert set(alarms(tmp_path / "net.tflite")) <= KNOWN, scheme


@pytest.mark.skipif(not FILES, reason="KERAS_CNNS_TFLITE_FILES names no folder of .tflite files")
@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: getattr(path, "name", "none"))
def test_files_of_a_folder(path):
    assert set(alarms(path)) <= KNOWN
