"""RoI max pooling and RoI align against loops over every window and every point."""

import math
from fractions import Fraction

import keras
import numpy as np
import pytest

from keras_cnns.layers import RoIAlign, RoIMaxPooling

RNG = np.random.default_rng(0)
LEVEL = RNG.normal(size=(2, 9, 13, 3)).astype("float32")
STRIDE = 8
BOXES = np.array(
    [
        [[0, 0, 104, 72], [3, 5, 60, 44], [17, 20, 18, 21], [40, 30, 40, 30]],  # the whole, some, a pixel, no area
        [
            [-50, -20, 300, 200],
            [96, 64, 104, 72],
            [200, 200, 260, 240],
            [12, 12, 30, 70.5],
        ],  # larger, a corner, outside
    ],
    "float32",
)


def plain_max(level, box, size):
    x1, y1, x2, y2 = (math.floor(v / STRIDE + 0.5) for v in box)
    answer = np.zeros((size, size, level.shape[-1]))
    for i in range(size):
        for j in range(size):
            h, w = Fraction(max(y2 - y1 + 1, 1), size), Fraction(max(x2 - x1 + 1, 1), size)
            rows = slice(max(0, y1 + math.floor(i * h)), max(0, y1 + math.ceil((i + 1) * h)))
            columns = slice(max(0, x1 + math.floor(j * w)), max(0, x1 + math.ceil((j + 1) * w)))
            window = level[rows, columns]
            if window.size:
                answer[i, j] = window.max((0, 1))
    return answer


def plain_align(level, box, size, samples, aligned):
    x1, y1, x2, y2 = (v / STRIDE - (0.5 if aligned else 0) for v in box)
    w, h = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1), max(y2 - y1, 1))
    answer = np.zeros((size, size, level.shape[-1]))
    for i, j in np.ndindex(size, size):
        for m, n in np.ndindex(samples, samples):
            y = y1 + (i + (m + 0.5) / samples) * h / size
            x = x1 + (j + (n + 0.5) / samples) * w / size
            answer[i, j] += bilinear(level, y, x) / samples**2
    return answer


def bilinear(level, y, x):
    height, width, _ = level.shape
    if y < -1 or x < -1 or y > height or x > width:
        return 0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    y, x = y - top, x - left
    a, b = level[top], level[top + 1]
    return (1 - y) * ((1 - x) * a[left] + x * a[left + 1]) + y * ((1 - x) * b[left] + x * b[left + 1])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_max_pooling_takes_the_maximum_of_every_window(size):
    pooled = np.asarray(RoIMaxPooling(size, STRIDE)(LEVEL, BOXES))
    assert pooled.shape == (2, 4, size, size, 3)
    for picture, number in np.ndindex(2, 4):
        expected = plain_max(LEVEL[picture], BOXES[picture, number], size)
        np.testing.assert_allclose(pooled[picture, number], expected, atol=1e-6)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("size, samples", [(1, 1), (2, 2), (7, 2), (3, 4)])
def test_align_is_the_mean_of_interpolated_points(size, samples, aligned):
    pooled = np.asarray(RoIAlign(size, STRIDE, samples, aligned)(LEVEL, BOXES))
    for picture, number in np.ndindex(2, 4):
        expected = plain_align(LEVEL[picture], BOXES[picture, number], size, samples, aligned)
        np.testing.assert_allclose(pooled[picture, number], expected, atol=1e-5)


def test_align_of_a_slope_is_the_slope():
    """Where the level is x + 10 y, each window is its own centre's value."""
    y, x = np.mgrid[:9, :13].astype("float32")
    pooled = np.asarray(RoIAlign(4, STRIDE)((x + 10 * y)[None, :, :, None], np.array([[[16, 8, 80, 56]]], "float32")))
    centres = np.arange(4) + 0.5
    expected = (16 + centres * 16)[None] / 8 - 0.5 + 10 * ((8 + centres * 12)[:, None] / 8 - 0.5)
    np.testing.assert_allclose(pooled[0, 0, :, :, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("layer", [RoIMaxPooling(7, STRIDE), RoIAlign(7, STRIDE)])
def test_saved_and_loaded_for_any_size_and_number(layer, tmp_path):
    level, boxes = keras.Input((None, None, 3)), keras.Input((None, 4))
    model = keras.Model([level, boxes], layer(level, boxes))
    assert model.output_shape == (None, None, 7, 7, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded([LEVEL, BOXES]), layer(LEVEL, BOXES), atol=1e-6)
    assert loaded([LEVEL[:, :4, :5], BOXES[:, :1]]).shape == (2, 1, 7, 7, 3)
    assert loaded([LEVEL, BOXES[:, :0]]).shape == (2, 0, 7, 7, 3)  # no proposals


def test_gradients_go_to_the_maxima():
    import tensorflow as tf

    level, box = tf.constant(LEVEL[:1]), tf.constant([[[0, 0, 103, 71.0]]])
    with tf.GradientTape() as tape:
        tape.watch(level)
        total = tf.reduce_sum(RoIMaxPooling(1, STRIDE)(level, box))
    gradient = tape.gradient(total, level).numpy()[0]
    assert (gradient == (LEVEL[0] == LEVEL[0].max((0, 1)))).all()


@pytest.mark.parametrize("shape", [(9, 13), (1, 1), (1, 6)])
def test_a_hundred_overlapping_boxes(shape):
    """Of any size up to larger than the picture, on its border, a pixel wide, on levels of a single position too."""
    rng = np.random.default_rng(1)
    level = rng.normal(size=(1, *shape, 2)).astype("float32")
    frame = np.array([shape[1], shape[0]] * 2) * STRIDE
    corner = rng.uniform(-0.3, 0.9, (100, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 1.2, (100, 2))], 1) * frame
    boxes[:4] = [[0, 0, 1, 1], frame - [1, 1, 0, 0], [0, 0, *frame[2:]], [-100, -100, 500, 500]]
    boxes[4:8, 2] = boxes[4:8, 0] + 1
    boxes = boxes.astype("float32")
    largest = np.asarray(RoIMaxPooling(3, STRIDE)(level, boxes[None]))[0]
    mean = np.asarray(RoIAlign(3, STRIDE)(level, boxes[None]))[0]
    for n, box in enumerate(boxes):
        np.testing.assert_allclose(largest[n], plain_max(level[0], box, 3), atol=1e-6)
        if min(shape) > 1:
            np.testing.assert_allclose(mean[n], plain_align(level[0], box, 3, 2, True), atol=1e-5)
    assert np.isfinite(mean).all() and np.abs(mean).max() <= np.abs(level).max() + 1e-6
