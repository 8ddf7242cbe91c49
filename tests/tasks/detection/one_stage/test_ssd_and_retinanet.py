"""How SSD and RetinaNet assign objects and what they minimize, beside the papers' equations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_cnns
from keras_cnns import tasks
from keras_cnns.tasks.detection.matching import BACKGROUND, IGNORED
from keras_cnns.tasks.detection.one_stage.ssd import hard_negatives, match_default_boxes
from keras_cnns.training import Recipe

VGG = {"backbone": "vgg11_bn", "columns": {"widths": (4, 4, 8, 8, 8), "fc": ()}, "levels": ("C3", "C4")}
ROWS = {
    "ssdlite": VGG | {"extras": (), "scales": (0.2, 0.4, 0.6), "ratios": ((2,), (2,)), "detections": 5},
    "retinanet": VGG | {"coarser": 0, "width": 8, "depth": 1, "scales": (20, 40), "detections": 5},
}


def test_an_object_gets_the_boxes_of_half_overlap_and_always_the_best_one():
    references = np.array([(0, 0, 10, 10), (0, 0, 10, 8), (20, 20, 30, 30), (50, 50, 90, 90)], "float32")
    boxes = np.array([(0, 0, 10, 10), (60, 60, 64, 64), (0, 0, 0, 0)], "float32")
    matches = match_default_boxes(references, boxes, 2, np.array([False, False, False]))
    assert matches.numpy().tolist() == [0, 0, BACKGROUND, 1]
    ignored = match_default_boxes(references, boxes, 2, np.array([True, False, False])).numpy()
    assert ignored[0] == IGNORED and ignored[3] == 1


def test_three_times_as_many_negatives_the_ones_with_the_largest_loss():
    losses = np.array([[9, 5, 4, 3, 2, 1, 8]], "float32")
    matches = np.array([[0, BACKGROUND, BACKGROUND, BACKGROUND, BACKGROUND, BACKGROUND, IGNORED]], "int32")
    assert hard_negatives(losses, matches).numpy().tolist() == [[False, True, True, True, False, False, False]]
    nothing = np.full((1, 7), BACKGROUND, "int32")
    assert not hard_negatives(losses, nothing).numpy().any()


def task_of(name):
    keras.utils.set_random_seed(0)
    task = tasks.of(Recipe(model=name, overrides=ROWS[name], input_shape=(64, 64, 3), dataset="scenes"))
    model = task.network_for_training(3)
    for layer in model.layers:
        if layer.name.startswith("class_scores"):
            layer.bias.assign(0.1 * np.arange(layer.bias.shape[0]))  # RetinaNet's own would make every score small
    return task


def target(boxes):
    boxes = np.array(boxes, "float32").reshape(-1, 4)
    rows = {"boxes": np.zeros((1, 4, 4)), "classes": np.zeros((1, 4)), "ignored": np.zeros((1, 4), bool)}
    rows["boxes"][0, : len(boxes)], rows["classes"][0, : len(boxes)] = boxes, 1
    types = {"boxes": "float32", "classes": "int32", "ignored": bool}
    rows = {key: tf.constant(value.astype(types[key])) for key, value in rows.items()}
    return rows | {"count": tf.constant([len(boxes)])}


@pytest.mark.parametrize("name", ROWS)
def test_the_loss_is_the_papers(name):
    task, truth = task_of(name), target([(8, 8, 24, 26)])
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    scores, deltas, levels = (x for x in task.part([image], training=True))
    total, parts = task.loss(None, image, truth)
    references = tf.concat(task.last.references(levels, image), 0)
    matches = task.matched(references, {key: value[0] for key, value in truth.items()}).numpy()
    positive = matches >= 0
    assert 0 < positive.sum() < len(matches) and (name == "ssdlite" or (matches == IGNORED).any())
    logits, count = np.asarray(scores[0], "float64"), positive.sum()
    if name == "ssdlite":
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        loss = -np.log(np.where(positive, p[:, 2], p[:, 0]))
        negatives = np.sort(loss[matches == BACKGROUND])[::-1][: 3 * count]
        by_class = (loss[positive].sum() + negatives.sum()) / count
    else:
        p, y = 1 / (1 + np.exp(-logits)), np.zeros_like(logits)
        y[positive, 1] = 1
        focal = -(0.25 * y * (1 - p) ** 2 * np.log(p) + 0.75 * (1 - y) * p**2 * np.log(1 - p))
        by_class = focal[matches != IGNORED].sum() / count
    np.testing.assert_allclose(parts["class_loss"][0], by_class, rtol=1e-4)
    np.testing.assert_allclose(total[0], parts["class_loss"][0] + parts["box_loss"][0], rtol=1e-6)
    assert parts["box_loss"][0] > 0


@pytest.mark.parametrize("name", ROWS)
def test_a_picture_without_boxes_has_a_finite_loss(name):
    task = task_of(name)
    total, parts = task.loss(None, np.zeros((1, 64, 64, 3), "float32"), target([]))
    assert np.isfinite(total[0]) and parts["box_loss"][0] == 0


@pytest.mark.parametrize("name", ROWS)
def test_one_class_any_size_and_a_box_smaller_than_a_position(name):
    model = keras_cnns.build(name, classes=1, input_shape=(75, 97, 3), **ROWS[name])
    answer = model(np.zeros((1, 75, 97, 3), "float32"))
    assert answer["boxes"].shape == (1, 5, 4) and set(np.asarray(answer["classes"]).ravel()) <= {-1, 0}
    task = task_of(name)
    total, _ = task.loss(None, np.zeros((1, 64, 64, 3), "float32"), target([(30, 30, 31, 31)]))
    assert np.isfinite(total[0])


@pytest.mark.parametrize(("name", "scales"), [("ssdlite", "0.07 0.11 0.18"), ("retinanet", "4 12")])
def test_the_check_of_the_data_suggests_scales_as_the_column_has_them(name, scales):
    """Fractions for SSD, one more than levels; pixels for RetinaNet."""
    task = task_of(name)
    truth = {key: value.numpy() for key, value in target([(0, 0, 4, 4), (8, 8, 20, 20)]).items()}
    *_, (subject, finding, fine) = task.survey([truth], ["a", "b", "c"])
    assert subject == "anchors" and not fine
    assert finding.endswith(f"try --overrides scales {scales}")
