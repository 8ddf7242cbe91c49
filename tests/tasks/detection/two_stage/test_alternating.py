"""Four steps instead of one: which weights move in each, whose proposals the heads see, what is measured, resumed."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns import UserError
from keras_cnns.data.sources import shapes
from keras_cnns.tasks import of
from keras_cnns.training import train
from tests.tasks.detection.two_stage.test_detection import IMAGE, RECIPE, target
from tests.tasks.interrupted import whole_and_resumed

STEP = RECIPE.but(max_steps=2, checkpoint_every=1)
RPN = {"rpn", "rpn_objectness", "rpn_deltas"}
HEADS = {"fc6", "class_scores", "box_deltas"}


def moved(recipe):
    """Layers whose weights a step of training moves."""
    task = of(recipe)
    model = task.network_for_training(10)
    with tf.GradientTape() as tape:
        losses, logged = task.loss(model, IMAGE, target([[4, 4, 24, 20]], [3]))
    assert tuple(logged) == task.logged and np.isfinite(losses).all() and float(losses[0]) > 0
    variables = model.trainable_variables
    gradients = tape.gradient(losses, [v.value for v in variables])
    return {v.path.split("/")[0] for v, g in zip(variables, gradients, strict=True) if g is not None and np.any(g)}


@pytest.mark.parametrize(("part", "own"), [("proposals", RPN), ("heads", HEADS)])
def test_a_part_trains_itself_and_what_is_shared(part, own):
    both = moved(STEP.but(part=part))
    assert both & (RPN | HEADS) == own and both > own
    assert moved(STEP.but(part=part, freeze="features")) == own


@pytest.mark.parametrize("part", ["proposals", "heads"])
def test_a_pyramid_and_a_narrowed_level_are_shared(part):
    overrides = {**STEP.overrides, "width": 4}
    layers = {layer.name for layer in of(STEP.but(overrides=overrides)).network_for_training(10).layers}
    assert "narrow" in layers
    assert moved(STEP.but(overrides=overrides, part=part, freeze="features")) == (RPN if part == "proposals" else HEADS)


def test_the_share_of_objects_that_are_proposed():
    task = of(STEP.but(part="proposals"))
    task.examples, task.most, task.detections = 2, 8, 3
    truth = target([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 2])
    result = {"boxes": [[[0, 0, 10, 9], [0, 0, 9, 9], [20, 20, 30, 30]]], "classes": np.zeros((1, 3))}
    result = {k: tf.constant(v, tf.float32) for k, v in (result | {"scores": [[1, 1, 0]]}).items()}
    counts = task._placed(result, truth, tf.ones(1))
    assert task.measure(counts, "0123456789") == {"examples": 2, "recall": 0.5}
    assert task.measure([x * 0 for x in counts], "0123456789")["recall"] == 0.0  # nothing is there


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"part": "head"}, "heads"),
        ({"proposals_of": "x.keras"}, "use it with part heads"),
        ({"part": "heads", "proposals_of": "nowhere.keras"}, "nowhere.keras"),
        ({"part": "proposals", "model": "fast_rcnn", "overrides": {}}, "makes no proposals"),
        ({"part": "heads", "model": "fcn8s", "overrides": {}}, "makes no proposals"),
    ],
)
def test_a_mistake_gets_one_clear_line(wrong, hint):
    with pytest.raises(UserError, match=hint) as error:
        of(STEP.but(**wrong)).network_for_training(10)
    assert "\n" not in str(error.value)


def weights(model):
    return {v.path: v.numpy() for v in model.weights}


def changed(before, after):
    names = [path for path in before if not np.array_equal(before[path], after[path])]
    return {path.split("/")[0] for path in names}


@pytest.mark.slow
def test_four_steps(tmp_path, monkeypatch):
    """From the same start proposals and heads are trained separately, and joined on layers that the heads have made."""
    monkeypatch.setitem(shapes.COUNTS, "test", 6)
    start = of(STEP).network(10)
    start.save(tmp_path / "start.keras")
    anew = {"weights": str(tmp_path / "start.keras")}
    first = train(STEP.but(part="proposals", **anew, out=str(tmp_path / "1")), quiet=True)
    assert changed(weights(start), weights(first.model)) > RPN
    assert not changed(weights(start), weights(first.model)) & HEADS and set(first.metrics) == {"examples", "recall"}
    how = {"part": "heads", **anew, "proposals_of": str(tmp_path / "1/model.keras")}
    second, _ = whole_and_resumed(STEP.but(**how), tmp_path / "2", monkeypatch, step=1)
    assert changed(weights(start), weights(second.model)) & (RPN | HEADS) == HEADS
    own = train(STEP.but(**how | {"proposals_of": None}, out=str(tmp_path / "own")), quiet=True)
    assert changed(weights(own.model), weights(second.model)), "it makes a difference whose proposals they are"
    how = {"part": "proposals", "weights": str(tmp_path / "2/whole/model.keras"), "freeze": "features"}
    third = train(STEP.but(**how, out=str(tmp_path / "3")), quiet=True)
    assert changed(weights(second.model), weights(third.model)) == RPN
    how = {"part": "heads", "weights": str(tmp_path / "3/model.keras"), "freeze": "features"}
    fourth, _ = whole_and_resumed(STEP.but(**how), tmp_path / "4", monkeypatch, step=1)
    assert changed(weights(third.model), weights(fourth.model)) == HEADS
