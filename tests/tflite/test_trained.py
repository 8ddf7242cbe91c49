"""int8 and fewer bits of a network that was really trained, on real pictures it has not seen."""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_cnns.data import load_arrays
from keras_cnns.saving.keras_file import load_model
from keras_cnns.tflite import Tuning, export

TRAINED = Path(__file__).parent / "trained"
DATA = os.environ.get("KERAS_CNNS_DATA")  # where tensorflow-datasets keeps CIFAR-10
CIFAR = pytest.mark.skipif(not DATA, reason="KERAS_CNNS_DATA does not say where CIFAR-10 is")


@pytest.fixture(
    scope="module",
    params=[("resnet8_digits", "digits", 0.9972), pytest.param(("resnet8_cifar", "cifar10", 0.88), marks=CIFAR)],
    ids=lambda inputs: inputs[0],
)
def trained(request):
    """(model, 200 training pictures, up to 500 held-out pictures, their labels, the accuracy its recipe came to)"""
    name, dataset, accuracy = request.param
    seen, _, _ = load_arrays(dataset, "train", size=32, limit=200, data_dir=DATA)
    unseen, labels, _ = load_arrays(dataset, "test", size=32, limit=500, data_dir=DATA)
    return load_model(TRAINED / f"{name}.keras"), seen, unseen, labels, accuracy


def made(trained, tmp_path, scheme, tuning=None):
    model, seen, unseen, labels, _ = trained
    options = {"calibration": seen, "images": unseen, "labels": labels}
    more = {"tuning": tuning} if tuning else {}
    return export(model, tmp_path / "net.tflite", scheme=scheme, force=True, **options, **more)


def test_it_answers_as_its_recipe_says(trained):
    model, _, unseen, labels, accuracy = trained
    result = np.mean(model.predict(unseen.astype("float32"), verbose=0).argmax(1) == labels)
    assert abs(result - accuracy) < (0.001 if len(unseen) == 360 else 0.04)


def test_int8_keeps_its_accuracy(trained, tmp_path):
    report = made(trained, tmp_path, "int8")
    (compared,) = report.comparisons
    assert report.status == "pass", report.reasons
    assert compared.accuracy_drop <= 0.006 and compared.snr_db > 25


@pytest.mark.sampled(2)
@pytest.mark.parametrize("scheme", ["weight_only_int8", "weight_only_int4"])
def test_refinement_after_training_brings_the_file_closer_to_the_model(trained, tmp_path, scheme):
    plain, tuned = (made(trained, tmp_path, scheme, tuning) for tuning in (Tuning.plain(), None))
    assert tuned.snr_db > plain.snr_db + 6
