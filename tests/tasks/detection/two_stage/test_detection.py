"""Detection through the one trainer: the loss by hand, pictures without objects, resumed runs, the measure."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.data.sources import shapes
from keras_cnns.tasks import of
from keras_cnns.tasks.detection.two_stage.task import _means
from keras_cnns.training import Recipe
from tests.geometry.test_boxes import plain_iou
from tests.models.test_faster_rcnn import SMALL
from tests.tasks.interrupted import whole_and_resumed

RECIPE = Recipe(
    model="faster_rcnn",
    overrides={k: v for k, v in SMALL.items() if k not in ("classes", "input_shape")},
    input_shape=(32, 32, 3),
    dataset="scenes",
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
    batch_size=4,
    max_steps=4,
    checkpoint_every=2,
)

GIVEN = {k: v for k, v in RECIPE.overrides.items() if k not in ("rpn", "scales", "before", "proposals")}


@pytest.fixture(scope="module")
def task():
    task = of(RECIPE)
    task.model = task.network_for_training(10)
    return task


def target(boxes, classes, number=0):
    """Of one picture."""
    count = len(boxes)
    filled = np.zeros((1, 8, 4), "float32")
    filled[0, :count] = np.reshape(boxes, (-1, 4))
    labels = np.zeros((1, 8), "int32")
    labels[0, :count] = classes
    return {
        "boxes": tf.constant(filled),
        "classes": tf.constant(labels),
        "ignored": tf.zeros((1, 8), tf.bool),
        "crowd": tf.zeros((1, 8), tf.bool),
        "scale": tf.ones(1),
        "count": tf.constant([count]),
        "number": tf.constant([number], tf.int64),
    }


IMAGE = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32"))


def test_a_picture_without_any_object_trains(task):
    with tf.GradientTape() as tape:
        losses, logged = task.loss(task.model, IMAGE, target([], []))
    assert np.isfinite(losses).all() and losses[0] > 0
    assert float(logged["anchor_box_loss"][0]) == float(logged["box_loss"][0]) == 0
    gradients = tape.gradient(losses, [v.value for v in task.model.trainable_variables])
    assert all(np.isfinite(g).all() for g in gradients if g is not None)


@pytest.mark.parametrize("boxes", [[], [[4, 4, 24, 20]], [[0, 0, 1, 1]], [[0, 0, 32, 32]]])
def test_without_any_proposal_the_objects_themselves_are_trained_on(task, boxes, monkeypatch):
    """And nothing, where there is no object either: the loss is 0 and no gradient is NaN."""

    def nothing(*anchored, count, **options):
        return tf.zeros([1, count, 4]), tf.zeros([1, count], tf.bool)

    monkeypatch.setattr(task.propose, "propose", nothing)
    with tf.GradientTape() as tape:
        losses, logged = task.loss(task.model, IMAGE, target(boxes, [3] * len(boxes)))
    assert np.isfinite(losses).all()
    assert (float(logged["class_loss"][0]) > 0) == (float(logged["box_loss"][0]) >= 0 and bool(boxes))
    gradients = tape.gradient(losses, [v.value for v in task.model.trainable_variables])
    assert all(np.isfinite(g).all() for g in gradients if g is not None)


@pytest.mark.parametrize("part", ["proposals", "heads"])
def test_either_part_by_itself_trains_on_pictures_without_objects(part):
    task = of(RECIPE.but(part=part))
    task.model = task.network_for_training(10)
    with tf.GradientTape() as tape:
        losses, logged = task.loss(task.model, tf.repeat(IMAGE, 2, 0), several([], []))
    assert np.isfinite(losses).all() and all(np.isfinite(value).all() for value in logged.values())
    gradients = tape.gradient(losses, [v.value for v in task.model.trainable_variables])
    assert all(np.isfinite(g).all() for g in gradients if g is not None)


def several(*boxes):
    """Of pictures with these boxes each, all of class 3."""
    parts = [target(images, [3] * len(images), n) for n, images in enumerate(boxes)]
    return {name: tf.concat([part[name] for part in parts], 0) for name in parts[0]}


@pytest.mark.parametrize("ignored", [False, True])
def test_a_picture_whose_objects_need_not_be_found_trains_none_of_them(task, ignored):
    truth = target([[4, 4, 24, 20], [2, 2, 8, 8]], [3, 1]) | {"ignored": tf.fill((1, 8), ignored)}
    losses, logged = task.loss(task.model, IMAGE, truth)
    assert np.isfinite(losses).all()
    for name in ("anchor_box_loss", "box_loss"):
        assert (float(logged[name][0]) == 0) == ignored


def test_the_losses_are_those_of_the_paper(task):
    truth = target([[4, 4, 24, 20]], [3])
    anchors = np.asarray(task.propose.anchors(np.zeros((1, 4, 4, 6))))
    logits, deltas = np.random.default_rng(1).normal(size=(2, 96)), np.zeros((96, 4))
    shaped = [tf.constant(x.reshape(1, 4, 4, -1), tf.float32) for x in (logits[0], deltas)]
    by_class, by_box = task._proposal_losses(*shaped, truth)
    overlap = plain_iou(anchors, np.array([[4, 4, 24, 20]]))[:, 0]
    positive = (overlap >= 0.7) | (overlap == overlap.max())
    taken = positive | (overlap < 0.3)  # fewer than 256: all of them
    p = 1 / (1 + np.exp(-logits[0]))
    entropy = -np.where(positive, np.log(p), np.log(1 - p))
    assert float(by_class[0]) == pytest.approx(entropy[taken].mean(), rel=1e-4)
    size, centre = anchors[:, 2:] - anchors[:, :2], (anchors[:, 2:] + anchors[:, :2]) / 2
    wanted = np.concatenate([([14, 12] - centre) / size, np.log([20, 16] / size)], 1)
    small = np.abs(wanted) < 1 / 9
    smooth = np.where(small, 4.5 * wanted**2, np.abs(wanted) - 1 / 18).sum(1)
    assert float(by_box[0]) == pytest.approx(smooth[positive].sum() / taken.sum(), rel=1e-3)


def test_the_same_sample_draws_the_same(task):
    losses = [float(task.loss(task.model, IMAGE, target([[2, 2, 20, 20]], [1], n))[0][0]) for n in (5, 5)]
    assert losses[0] == losses[1]


def test_a_network_that_is_given_its_boxes_is_trained_for_the_heads_alone():
    task = of(RECIPE.but(model="fast_rcnn", overrides=GIVEN))
    task.model = task.network_for_training(10)
    for truth in (target([[4, 4, 24, 20]], [3]), target([], [])):
        with tf.GradientTape() as tape:
            losses, logged = task.loss(task.model, IMAGE, truth)
        assert list(logged) == ["loss", "class_loss", "box_loss"] == list(task.logged)
        gradients = tape.gradient(losses, [v.value for v in task.model.trainable_variables])
        assert np.isfinite(losses).all() and all(np.isfinite(g).all() for g in gradients if g is not None)
        assert (float(logged["box_loss"][0]) > 0) == bool(truth["count"][0])
    task.examples, task.most = 1, 8
    result = task.count(task.model, IMAGE, target([[4, 4, 24, 20]], [3]), tf.ones(1))[0]
    assert result.shape == (1, 7, 4)


def test_a_pyramid_trains_all_its_levels():
    overrides = {"backbone": "resnet18", "columns": {"widths": (8, 8, 8, 8)}, "width": 8, "rpn": 8, "fc": (16,)}
    overrides |= {"scales": (4, 8, 16, 24, 32), "before": 50, "proposals": 20, "detections": 7}
    task = of(RECIPE.but(model="faster_rcnn_fpn", overrides=overrides))
    model = task.model = task.network_for_training(10)
    with tf.GradientTape() as tape:
        losses, logged = task.loss(model, IMAGE, target([[4, 4, 24, 20], [1, 2, 5, 6]], [3, 4]))
    assert np.isfinite(losses).all() and all(float(value[0]) > 0 for value in logged.values())
    gradients = tape.gradient(losses, [v.value for v in model.trainable_variables])
    moved = {v.path for v, g in zip(model.trainable_variables, gradients, strict=True) if g is not None and np.any(g)}
    assert {f"fpn_outer{n}/kernel" for n in range(2, 6)} <= moved and "rpn/kernel" in moved and "fc6/kernel" in moved
    with_anchors = task.propose.anchors([tf.zeros((1, n, n, 3)) for n in (8, 4, 2, 1, 1)])
    assert with_anchors.shape == (3 * (64 + 16 + 4 + 1 + 1), 4)


@pytest.mark.slow
def test_a_pyramid_learns_a_picture():
    overrides = {"backbone": "resnet18", "columns": {"widths": (8, 8, 8, 8)}, "width": 8, "rpn": 8, "fc": (16,)}
    task = of(
        RECIPE.but(model="faster_rcnn_fpn", overrides=overrides | {"scales": (4, 8, 16, 24, 32), "proposals": 20})
    )
    model, truth = task.network_for_training(10), target([[4, 4, 24, 20], [1, 2, 5, 6]], [3, 4])
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            losses, logged = task.loss(model, IMAGE, truth)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(losses, variables), variables, strict=True))
        return logged

    first, *_, last = [{name: float(value[0]) for name, value in step().items()} for _ in range(60)]
    assert last["loss"] < 0.5 * first["loss"] and last["class_loss"] < 0.5 * first["class_loss"]


def test_nothing_chosen_is_no_loss():
    nothing = tf.zeros([2, 3], tf.bool)
    values = tf.constant([[np.nan, 1, 2], [3, 4, 5.0]])
    assert [x.numpy().tolist() for x in _means(nothing, values, nothing, values)] == [[0, 0], [0, 0]]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["faster_rcnn", "fast_rcnn"])
def test_a_stopped_run_ends_with_the_same_weights(model, tmp_path, monkeypatch):
    monkeypatch.setitem(shapes.COUNTS, "test", 6)
    recipe = RECIPE if model == "faster_rcnn" else RECIPE.but(model=model, overrides=GIVEN)
    uninterrupted, parts = whole_and_resumed(recipe, tmp_path, monkeypatch)
    assert uninterrupted.metrics == parts.metrics and uninterrupted.metrics["examples"] == 6
    assert {"model.keras", "best.keras", "curve.png", "classes.png", "mistakes.png", "precision_recall.png"} <= {
        f.name for f in uninterrupted.folder.iterdir()
    }


def test_boxes_found_exactly_measure_one(task):
    """The counts of two batches add up to every picture's boxes at its own place."""
    task.examples, task.most = 6, 8
    scenes = [shapes.scene(n, "test", (32, 32)) for n in range(6)]
    parts = []
    for n, s in enumerate(scenes):
        truth = target(s.boxes, s.classes, n)
        result = {"boxes": np.zeros((1, 7, 4), "float32"), "classes": np.full((1, 7), -1), "scores": np.zeros((1, 7))}
        m = min(7, len(s.boxes))
        result["boxes"][0, :m], result["classes"][0, :m], result["scores"][0, :m] = s.boxes[:m], s.classes[:m], 0.9
        parts.append(task.count(lambda image, training, result=result: result, IMAGE, truth, tf.ones(1)))
    parts.append(task.count(lambda image, training: result, IMAGE, target([], [], 0), tf.zeros(1)))  # fills up
    metrics = task.measure([sum(p) for p in zip(*parts, strict=True)], "0123456789")
    assert 5 < sum(len(s.boxes) for s in scenes) == round(sum(float((p[2] > 0).numpy().sum()) for p in parts))
    assert metrics["map"] == metrics["map_50"] == metrics["voc_2007"] == pytest.approx(1)
