"""class_weights "balanced": every class weighs alike in the loss, however many pictures it has."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.utils.class_weight import compute_class_weight

from keras_cnns.data import classes
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.support.errors import UserError
from keras_cnns.tasks import of
from keras_cnns.training import Recipe, train
from keras_cnns.training.script import parse


@pytest.fixture
def uneven(tmp_path):
    """Forty pictures of one class, ten of another, five of a third, which look nearly alike."""
    rng = np.random.default_rng(0)
    for name, count, grey in (("many", 40, 120), ("some", 10, 128), ("few", 5, 136)):
        (tmp_path / "uneven" / name).mkdir(parents=True)
        for k in range(count):
            pixels = np.clip(rng.normal(grey, 30, (32, 32)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "uneven" / name / f"{k}.png")
    return tmp_path / "uneven"


def recipe(folder, out="run", **changes):
    settings = {"optimizer": "adam", "learning_rate": 1e-3, "epochs": 1, "batch_size": 11, "strategy": "one"}
    return Recipe("lenet5", dataset=f"folder:{folder}", input_shape=(32, 32, 1), out=str(out), **settings | changes)


def test_weights_are_those_of_scikit_learn(uneven):
    source = open_source(f"folder:{uneven}", "train")
    expected = compute_class_weight("balanced", classes=np.arange(3), y=source.labels)
    np.testing.assert_allclose(classes.balanced(classes.count(source)), expected, rtol=1e-6)
    np.testing.assert_allclose(classes.balanced([0, 3, 1]), [0, 2 / 3, 2])


def test_where_labels_are_not_known_the_examples_are_read():
    digits = open_source("digits", "test")
    assert digits.labels is None
    labels = [int(digits.read(tf.constant(i, tf.int64)).label) for i in range(digits.count)]
    assert classes.count(digits).tolist() == np.bincount(labels, minlength=10).tolist()


@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_of_each_picture_counts_by_its_class(uneven, mixed):
    task = of(recipe(uneven, class_weights="balanced", label_smoothing=0.1))
    plain = of(recipe(uneven, label_smoothing=0.1))
    data = task.load("train", 11)
    assert plain.prepare(data) == {}
    noted = task.prepare(data)["class_weights"]
    weights = [noted[name] for name in ("few", "many", "some")]
    logits = tf.constant(np.random.default_rng(0).normal(size=(4, 3)), tf.float32)
    labels = tf.constant([0, 1, 2, 1], tf.int64)
    shares = tf.constant([[1, 0, 0], [0.25, 0.75, 0], [0, 0, 1], [0, 1, 0]], tf.float32)
    target, share = (shares, shares.numpy()) if mixed else (labels, np.eye(3)[labels])

    def model(image, training):
        return logits

    losses, logged = task.loss(model, None, target)
    before, logged_before = plain.loss(model, None, target)
    np.testing.assert_allclose(losses, before * (share @ weights), rtol=1e-5)
    np.testing.assert_array_equal(logged["loss"], logged_before["loss"])


def test_a_run_keeps_them_and_rare_classes_are_answered_more_often(uneven, tmp_path):
    results = {}
    for how in ("none", "balanced"):
        result = train(recipe(uneven, tmp_path / how, epochs=6, class_weights=how), quiet=True)
        answers = np.asarray(result.metrics["confusion"]).sum(0)
        results[how] = dict(zip(result.names, answers.tolist(), strict=True))
    assert results["none"]["many"] > results["balanced"]["many"], results
    noted = json.loads((tmp_path / "balanced" / "data.json").read_text())["class_weights"]
    assert noted == {"few": pytest.approx(44 / 12), "many": pytest.approx(44 / 96), "some": pytest.approx(44 / 24)}
    assert json.loads((tmp_path / "balanced" / "recipe.json").read_text())["class_weights"] == "balanced"
    with pytest.raises(UserError, match="class_weights 'balanced' there and 'none' here"):
        train(recipe(uneven, tmp_path / "balanced", epochs=6), quiet=True)


def test_they_are_a_flag():
    assert parse(Recipe("lenet5"), ["--class-weights", "balanced"]).recipe.class_weights == "balanced"
    with pytest.raises(UserError, match="class_weights 'balance' is unknown.*Did you mean balanced"):
        Recipe("lenet5", class_weights="balance")
