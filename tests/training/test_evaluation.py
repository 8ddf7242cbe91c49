"""Model files measured on the held-out pictures: one or several, on one view of each picture or the mean of many."""

import json

import keras
import numpy as np
import pytest

from keras_cnns.data.pipeline import load
from keras_cnns.data.views import multi_scale, ten_crops
from keras_cnns.support.errors import UserError
from keras_cnns.training import Augment, Recipe, run, train
from keras_cnns.training.evaluation import evaluate, evaluate_files

RECIPE = Recipe(
    model="simple_cnn", input_shape=(12, 12, 1), augment=Augment(crop_fraction=0.75), batch_size=100, epochs=1
)


def classifier(seed):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((12, 12, 1)), *layers, keras.layers.Dense(10, "softmax")])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for seed in range(2):
        classifier(seed).save(folder / f"{seed}.keras")
    return [str(folder / f"{seed}.keras") for seed in range(2)]


def pictures(side):
    batches = load("digits", size=side, channels=1, batch_size=360, split="test").dataset.as_numpy_iterator()
    images, labels, weights = next(batches)
    assert weights.all() and len(labels) == 360
    return images, labels


def accuracy(answers, labels):
    return (np.mean(answers, 0).argmax(1) == labels).mean()


def test_the_mean_over_ten_crops_and_two_models(files, tmp_path):
    images, labels = pictures(16)
    answers = [classifier(seed).predict(view, verbose=0) for seed in (0, 1) for view in ten_crops(images, (12, 12))]
    result = evaluate_files(files, RECIPE.but(out=str(tmp_path)), "ten_crops")
    assert result["accuracy"] == pytest.approx(accuracy(answers, labels))
    assert result["loss"] == pytest.approx(-np.log(np.mean(answers, 0)[np.arange(360), labels]).mean(), rel=1e-5)
    assert json.loads((tmp_path / "evaluation_ten_crops.json").read_text())["models"] == files


@pytest.mark.slow
def test_the_mean_over_positions_and_scales(files, tmp_path):
    """By hand: the network on every part of its own size of every scaled picture."""
    images, labels = pictures(14)
    images, labels = images[:40], labels[:40]

    class Some:
        dataset = [(images, labels)]
        names = tuple("0123456789")

    model = classifier(0)
    answers = []
    for view in multi_scale(images, (12, 14)):
        spread = range(view.shape[1] - 11)
        parts = [view[:, row : row + 12, column : column + 12] for row in spread for column in spread]
        answers.append(np.mean([model.predict(part, verbose=0) for part in parts], axis=0))
    from keras_cnns import to_fully_convolutional

    result = evaluate([to_fully_convolutional(model)], Some, lambda image: multi_scale(image, (12, 14)))
    assert result["loss"] == pytest.approx(-np.log(np.mean(answers, 0)[np.arange(40), labels]).mean(), rel=1e-5)
    full = evaluate_files(files[:1], RECIPE.but(out=str(tmp_path)), "multi_scale", (12, 14))
    assert full["examples"] == 360 and full["scales"] == [12, 14]


def test_it_is_a_flag_of_every_recipe(files, tmp_path, capsys):
    words = ["--evaluate", *files, "--views", "ten_crops", "--out", str(tmp_path / "run")]
    assert run(RECIPE, words) == 0
    assert "top5 error" in capsys.readouterr().out
    assert not (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    ("change", "views", "scales", "message"),
    [
        ({"input_shape": (16, 16, 1)}, "centre", (), "takes .12, 12, 1.: give --input-shape"),
        ({"augment": Augment()}, "ten_crops", (), "crop-fraction"),
        ({}, "multi_scale", (8, 16), "scale 8 is below"),
    ],
)
def test_what_does_not_fit_is_refused(files, change, views, scales, message):
    with pytest.raises(UserError, match=message):
        evaluate_files(files, RECIPE.but(**change), views, scales)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        evaluate_files([str(tmp_path / "none.keras")], RECIPE)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    """A recipe of scenes, and the result of one step of it."""
    overrides = {"backbone": "vgg11_bn", "columns": {"widths": (4, 8, 8, 8, 8)}}
    recipe = Recipe("fcn8s", overrides=overrides, dataset="scenes", max_steps=1, batch_size=100, strategy="one")
    return recipe, train(recipe.but(out=str(tmp_path_factory.mktemp("run"))), quiet=True)


@pytest.mark.slow
def test_a_segmenter_has_the_metrics_of_its_run(segmenter, tmp_path, capsys):
    recipe, result = segmenter
    assert run(recipe.but(out=str(tmp_path)), ["--evaluate", str(result.folder / "model.keras")]) == 0
    assert "mean iou" in capsys.readouterr().out
    values = json.loads((tmp_path / "evaluation_centre.json").read_text())
    assert values["confusion"] == result.metrics["confusion"] and values["examples"] == 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        ("fcn8s", ["--views", "ten_crops"], "views are for classifiers"),
        ("faster_rcnn", [], "not a model like faster_rcnn"),
    ],
)
def test_a_segmenter_measured_as_something_else_is_refused(segmenter, tmp_path, model, flags, message, capsys):
    recipe, result = segmenter
    recipe = Recipe(model, dataset="scenes", input_shape=recipe.input_shape, out=str(tmp_path))
    assert run(recipe, ["--evaluate", str(result.folder / "model.keras"), *flags]) == 2
    assert message in capsys.readouterr().err
