"""Segmentation through the one trainer: it learns, and a stopped run ends with the same weights."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.data.sources import shapes
from keras_cnns.tasks import of
from keras_cnns.tasks.segmentation.pixels import VOID
from keras_cnns.training import Recipe
from tests.tasks.interrupted import whole_and_resumed

RECIPE = Recipe(
    model="fcn8s",
    overrides={"backbone": "vgg11_bn", "columns": {"widths": (4, 8, 8, 8, 8)}},
    input_shape=(32, 32, 3),
    dataset="scenes",
    optimizer="adam",
    learning_rate=1e-3,
    schedule="constant",
    batch_size=4,
    max_steps=4,
    checkpoint_every=2,
)


class Answers:
    """A model whose logits are given."""

    def __init__(self, logits):
        self.logits = logits

    def __call__(self, image, training):
        return self.logits


def test_the_loss_is_the_mean_over_the_pixels_that_count():
    rng = np.random.default_rng(0)
    logits, mask = rng.normal(size=(2, 3, 4, 5)).astype("float32"), rng.integers(0, 5, (2, 3, 4)).astype("int32")
    mask[0, 0], mask[1] = VOID, VOID
    losses, logged = of(RECIPE).loss(Answers(tf.constant(logits)), None, tf.constant(mask))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.mean([-np.log(p[0, y, x, mask[0, y, x]]) for y in (1, 2) for x in range(4)])
    np.testing.assert_allclose(losses, [expected, 0], rtol=1e-5)  # a picture of void alone: nothing, no NaN
    right = np.mean([logits[0, y, x].argmax() == mask[0, y, x] for y in (1, 2) for x in range(4)])
    np.testing.assert_allclose(logged["pixel_accuracy"], [right, 0], rtol=1e-5)


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setitem(shapes.COUNTS, "test", 6)
    uninterrupted, parts = whole_and_resumed(RECIPE, tmp_path, monkeypatch)
    held_out = uninterrupted.history[-1]["held_out_mean_iou"]
    assert uninterrupted.metrics["mean_iou"] == parts.metrics["mean_iou"] == pytest.approx(held_out)
    assert uninterrupted.metrics["pixels"] == 6 * 32 * 32
    assert {"model.keras", "best.keras", "curve.png", "confusion.png"} <= {
        f.name for f in uninterrupted.folder.iterdir()
    }
