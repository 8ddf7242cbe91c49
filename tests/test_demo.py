"""The demo: real data, every scheme, and what the README promises of them."""

import json

import keras
import numpy as np
import pytest

from keras_cnns.data.pipeline import load_arrays
from keras_cnns.demo import demo
from keras_cnns.saving.card import read_card
from keras_cnns.tflite import predict

SCHEMES = ("float32", "float16", "weight_only_int8", "int8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    return (out, *demo(out, quiet=True))


def test_lenet5_reads_the_held_out_digits(made):
    _, metrics, reports, _ = made
    assert metrics["accuracy"] >= 0.985
    assert {r.scheme: r.accuracy for r in reports}["int8"] >= metrics["accuracy"] - 0.005
    assert all(r.status == "pass" for r in reports)


def test_the_files_answer_as_the_report_says(made):
    """Counted again here, from the files alone."""
    out, metrics, reports, _ = made
    images, labels, names = load_arrays("digits", "test", size=(32, 32), channels=1)
    model = keras.saving.load_model(out / "model.keras")
    assert np.mean(model.predict(images, verbose=0).argmax(1) == labels) == pytest.approx(metrics["accuracy"])
    for report in reports:
        answers = predict(out / f"lenet5_{report.scheme}.tflite", images.astype("float32"))
        assert np.mean(answers.argmax(1) == labels) == pytest.approx(report.accuracy)
        assert read_card(report.path).labels == tuple(names) == tuple("0123456789")


def test_integers_are_a_third_of_the_size(made):
    _, _, reports, _ = made
    sizes = {r.scheme: r.size_ratio for r in reports}
    assert sizes["int8"] < 0.34 and sizes["weight_only_int8"] < 0.34 and sizes["float16"] < 0.6


def test_the_folder_holds_what_the_readme_says(made):
    out, _, reports, path = made
    for name in ("model.keras", "curve.png", "confusion.png", *(f"lenet5_{s}.tflite" for s in SCHEMES)):
        assert (out / name).stat().st_size > 1000
    report = json.loads(path.read_text())
    assert [row["scheme"] for row in report["exports"]] == list(SCHEMES)
    assert report["training"]["accuracy"] == made[1]["accuracy"]
