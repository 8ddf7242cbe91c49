"""Columns of different scales in one output: each has to vary as the original's does, wherever it stands."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import predict
from keras_cnns.tflite.exporter import Exporter, Rejected
from keras_cnns.tflite.rewrite import ends
from keras_cnns.tflite.settings import Ends
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.columns import joint_correlation, worst_columns
from keras_cnns.tflite.verify.compare import compare


def in_int8(values):
    """Rounded as an int8 output with one scale, which holds zero."""
    step = (max(values.max(), 0) - min(values.min(), 0)) / 255
    return np.rint(values / step) * step


def uniform(shape, *limits):
    """Numbers from 0 to each of the limits along the last axis."""
    return np.random.default_rng(0).uniform(0, limits, (*shape, len(limits)))


PIXELS_AND_SCORES = (640, 640, 640, 640, 0.9, 0.9)
MIXED = {  # answers -> (axis, columns that one integer scale loses)
    "boxes and scores": (uniform((40, 8), *PIXELS_AND_SCORES), 2, (4, 5)),
    "channels first": (np.moveaxis(uniform((40, 8), *PIXELS_AND_SCORES), 2, 1), 1, (4, 5)),
    "many classes": (uniform((10, 50), *[640] * 4, *[0.9] * 80), 2, tuple(range(4, 84))),
    "many classes, channels first": (np.moveaxis(uniform((10, 50), *[640] * 4, *[0.9] * 80), 2, 1), 1, range(4, 84)),
    "heatmap and offsets": (uniform((10, 6, 6), 1, 300, 300), 3, (0,)),
    "depth and mask": (uniform((10, 6, 6), 4000, 1), 3, (1,)),
    "mask first": (np.moveaxis(uniform((10, 6, 6), 4000, 1), 3, 1), 1, (1,)),
    "three pictures": (uniform((3, 6, 6), 4000, 1), 3, (1,)),
    "a vector of 4 and 16": (uniform((40,), *[640] * 4, *[1] * 16), 1, range(4, 20)),
    "a vector of 80 and 4": (uniform((40,), *[640] * 80, *[1] * 4), 1, range(80, 84)),
    "a flattened list": (uniform((40, 8), *PIXELS_AND_SCORES).reshape(40, 48), 1, None),
    "volumes": (uniform((10, 3, 3, 3), 500, 1), 4, (1,)),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_small_column_beside_large_ones_is_judged_by_its_own_spread(name):
    original, axis, columns = MIXED[name]
    comparison = compare("x", original, in_int8(original))
    status, reasons = verdict.judge([comparison], "int8")
    assert status == "fail" and comparison.error < 0.1, "the mean error alone does not show it"
    assert comparison.worst_columns.axis == axis
    assert columns is None or comparison.worst_columns.columns == tuple(columns)
    assert "separate outputs" in reasons[0] and 'outputs="logits"' in reasons[-1]
    scaled = original / np.maximum(original.max(tuple(k for k in range(original.ndim) if k != axis), keepdims=True), 1)
    assert columns is None or compare("x", scaled, in_int8(scaled)).judge("int8")[0] == "pass"


def _features(rng):
    return np.maximum(rng.normal(0, np.exp(rng.normal(0, 1, 1280)), (50, 1280)), 0)


HEALTHY = {
    "features with weak channels": _features,
    "a map of features": lambda rng: np.maximum(rng.normal(-0.5, np.exp(rng.normal(0, 0.7, 64)), (20, 7, 7, 64)), 0),
    "nearly dead channels": lambda rng: _features(rng) * np.where(np.arange(1280) < 9, 1e-4, 1),
    "quiet corners": lambda rng: (
        rng.normal(0, 1, (20, 9, 9, 4)) * np.exp(-((np.arange(9) - 4) ** 2) / 6)[:, None, None]
    ),
    "empty borders": lambda rng: rng.normal(0, 1, (20, 9, 9, 4)) * (np.abs(np.arange(9) - 4) < 4)[:, None, None],
    "a depth": lambda rng: rng.uniform(1, 80, (10, 8, 8, 1)),
    "a constant channel": lambda rng: rng.normal(0, 1, (10, 8, 8, 3)) * [1, 1, 0] + [0, 0, 3],
    "a picture": lambda rng: rng.uniform(0, 255, (3, 8, 8, 3)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_outputs_of_many_columns_pass(name):
    original = HEALTHY[name](np.random.default_rng(0))
    assert compare("x", original, in_int8(original)).judge("int8") == ("pass", ())


@pytest.mark.parametrize(("mean", "spread"), [(2003, 2.2), (101_325, 90), (-273, 0.2), (1e6, 500)])
def test_numbers_that_vary_by_less_than_a_thousandth_of_their_size(mean, spread):
    """A few integers are left for all pictures; the mend named works: predict the difference from the mean."""
    original = np.random.default_rng(0).normal(mean, spread, (60, 1))
    assert len(np.unique(in_int8(original))) < 5
    status, reasons = verdict.judge([compare("x", original, in_int8(original))], "int8")
    assert status == "fail" and "difference from the mean" in reasons[0]
    assert compare("x", original, original + spread / 50).judge("int8")[0] == "pass"
    difference = original - mean
    assert compare("x", difference, in_int8(difference)).judge("int8")[0] == "pass"


def test_what_float32_rounding_and_noise_change_is_not_judged():
    rng = np.random.default_rng(0)
    steady = 1000 + rng.normal(0, 1e-3, (60, 1))
    assert worst_columns(steady, steady[::-1]) is None
    on_noise = 1000 + rng.normal(0, 5, (60, 1))
    assert compare("x", on_noise, on_noise[::-1], are_noise=True).judge("int8")[0] == "pass"
    assert compare("x", on_noise, on_noise[::-1]).judge("int8")[0] == "fail"


def test_followed_is_one_for_equal_answers_and_none_without_pictures_enough():
    numbers = np.random.default_rng(0).normal(0, 1, (50, 3))
    assert worst_columns(numbers, numbers).correlation == pytest.approx(1)
    assert worst_columns(numbers, numbers + 7).correlation == pytest.approx(1), (
        "a constant offset is the error's business"
    )
    assert joint_correlation(numbers, numbers) == pytest.approx(1)
    assert worst_columns(numbers[:7], numbers[:7]) is None and joint_correlation(numbers[:7], numbers[:7]) is None
    noisy = numbers + np.random.default_rng(1).normal(0, 0.5, numbers.shape)
    assert worst_columns(numbers, noisy).correlation == pytest.approx(np.sqrt(0.75), abs=0.06)


def detector():
    """Eight boxes of four sides in pixels and two scores, in one output."""
    pixels = keras.Input((16, 32, 3))
    level = layers.Conv2D(8, 3, strides=8, padding="same", activation="relu")(pixels)
    boxes = layers.Reshape((8, 4), name="boxes")(ops.sigmoid(layers.Conv2D(4, 1)(level)) * 640.0)
    scores = layers.Reshape((8, 2), name="scores")(ops.sigmoid(layers.Conv2D(2, 1)(level)))
    return keras.Model(pixels, layers.Concatenate()([boxes, scores]), name="detector")


def test_the_parts_of_a_concatenation_leave_as_outputs_of_their_own(tmp_path):
    """The refusal of the joined int8 file names the head that makes a right one."""
    keras.utils.set_random_seed(0)
    model, path = detector(), tmp_path / "net.tflite"
    pictures = np.random.default_rng(0).normal(size=(48, 16, 32, 3)).astype("float32")
    with pytest.raises(Rejected, match='head="parts"') as error:
        Exporter(model, calibration=pictures).export(path, "int8")
    assert "calibration pictures" not in str(error.value)
    assert Exporter(model, calibration=pictures, ends=Ends(head="parts")).export(path, "int8").status == "pass"
    answers, right = predict(path, pictures), model.predict(pictures, verbose=0)
    assert set(answers) == {"boxes", "scores"}
    for name, part in (("boxes", right[..., :4]), ("scores", right[..., 4:])):
        assert np.sum((answers[name] - part) ** 2) < 0.1 * np.sum((part - part.mean()) ** 2)


def test_parts_of_the_same_name_get_numbers_and_other_models_are_refused():
    image = keras.Input((4, 4, 2), name="image")
    twice = ends.with_ends(keras.Model(image, ops.concatenate([image, image], -1)), head="parts")
    assert len(twice.outputs) == 2
    with pytest.raises(UserError, match="ends in one Concatenate"):
        ends.with_ends(keras.Model(image, layers.Conv2D(2, 3)(image)), head="parts")
