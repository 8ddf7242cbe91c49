"""Where the integers of an activation begin and end: the extremes, the least squared error, a percentile."""

import keras
import numpy as np
import pytest
from litert_quantizer import calibrator, quantizer, recipe
from litert_quantizer.utils import qsv_utils

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import Tuning, export, predict
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.quantize import steps
from keras_cnns.tflite.quantize.ranges import BINS, between_steps, extremes, least_error, usual_ends

BEFORE = {"rounding": "nearest", "bias": "kept"}


def rounded(values, low, high):
    step = (high - low) / 255
    return np.clip(np.rint(values / step) * step, low, high)


def test_the_least_error_is_that_of_a_search_by_hand():
    values = np.random.default_rng(0).laplace(0, 1, 50_000)
    low, high = values.min(), values.max()
    counts, _ = np.histogram(values, BINS, (low, high))
    result = least_error(counts, low, high)
    by_hand = min(np.mean((values - rounded(values, low * a, high * b)) ** 2) for a in SHARES for b in SHARES)
    assert np.mean((values - rounded(values, *result)) ** 2) < 1.02 * by_hand
    assert result[1] < 0.95 * high and result[0] > 0.95 * low


SHARES = np.linspace(0.3, 1, 15)


def test_a_range_that_is_full_is_kept():
    counts, _ = np.histogram(np.linspace(0, 6, 9999), BINS, (0, 6))
    assert least_error(counts, 0.0, 6.0) == pytest.approx((0.0, 6.0), rel=0.02)


@pytest.fixture(scope="module")
def outliers():
    """A network one of whose channels is seldom far out, and 40 pictures."""
    rng = np.random.default_rng(3)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(8, 1, name="first")(image)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, name="second")(keras.layers.Activation("gelu")(x)))
    model.set_weights([rng.normal(0, 1, w.shape) for w in model.get_weights()])
    pictures = rng.uniform(0, 1, (40, 8, 8, 3)).astype("f4")
    pictures[::8, 2, 2] *= 25
    return model, pictures


def spans(outliers, path, ways):
    """The width of every activation's range in the file, for each of `ways`."""
    model, pictures = outliers
    for way in ways:
        tuning = Tuning(ranges=way, **BEFORE)
        export(model, path, scheme="int8", calibration=pictures, tuning=tuning, force=True)
        file = steps.File(path.read_bytes())
        results = [file.tensors[i] for o in file.operators for i in o.outputs]
        yield np.array(
            [255 * t.quantization.scale[0] for t in results if t.quantization and t.quantization.scale is not None]
        )


@pytest.mark.slow
def test_each_way_gives_other_ranges(outliers, tmp_path):
    extremes, all_of_it, mse, percentile = spans(outliers, tmp_path / "net.tflite", ["extremes", 100, "mse", 99.0])
    np.testing.assert_allclose(extremes, all_of_it, rtol=0.01)
    assert (mse[1:] < 1.001 * extremes[1:]).all() and (percentile[1:] < 1.001 * extremes[1:]).all()
    assert percentile[1:].min() < 0.5 * extremes[1:].max()
    assert mse[0] == extremes[0] == percentile[0]  # what the input is, the pictures decide


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ranges": 99.9, "count": 10}, "a percentile of 10 pictures does not hold for others: give 16 or more"),
        ({"ranges": 40}, "ranges=40 is not a percentile"),
        ({"ranges": 101.5}, "ranges=101.5 is not a percentile"),
        ({"ranges": float("nan")}, "not a percentile"),
        ({"ranges": "msee"}, r"ranges is 'msee': choose from usual, extremes, mse.*mse"),
        ({"ranges": True}, "ranges is .*: choose from"),
        ({"rounding": "best"}, "rounding is 'best': choose from nearest, learned"),
        ({"bias": None}, "bias is .*: choose from kept, corrected"),
        ({"scales": 3}, "scales is .*: choose from"),
    ],
)
def test_an_impossible_tuning_is_refused_in_one_line(wrong, message, outliers, tmp_path):
    model, pictures = outliers
    count = wrong.pop("count", 40)
    with pytest.raises(UserError, match=message) as caught:
        export(model, tmp_path / "n.tflite", scheme="int8", calibration=pictures[:count], tuning=Tuning(**wrong))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "float16"}, "float16 rounds nothing to integers: leave tuning= out"),
        ({"scheme": "weight_only_int8", "calibration": None}, "tuning= needs pictures"),
        ({"engine": "converter"}, "the converter rounds as it likes"),
        ({"tuning": "mse"}, "tuning must be a keras_cnns.tflite.Tuning"),
    ],
)
def test_schemes_that_make_nothing_of_it(options, message, outliers, tmp_path):
    model, pictures = outliers
    options = {"scheme": "int8", "calibration": pictures, "tuning": Tuning(), **options}
    with pytest.raises(UserError, match=message):
        export(model, tmp_path / "n.tflite", **options)


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_a_picture_that_makes_something_infinite_is_named(value, tmp_path):
    image = keras.Input((2, 2, 3))
    x = keras.layers.Conv2D(4, 1, name="first")(image)
    x = keras.ops.sqrt(x[..., :1]) if value < 0 else keras.ops.rsqrt(x[..., :1])
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    kernel = np.ones((1, 1, 3, 4), "f4")
    model.get_layer("first").set_weights([kernel, np.zeros(4)])
    pictures = np.random.default_rng(0).uniform(0.2, 1, (20, 2, 2, 3)).astype("f4")
    pictures[13, 1, 1] = value
    with pytest.raises(UserError, match="calibration picture 13 makes .* (NaN|infinite)"):
        export(model, tmp_path / "n.tflite", scheme="int8", calibration=pictures)


BYTES = np.arange(256.0)
GRIDS = {  # pixels from 0 to 255 as a model takes them, and whether int8 would put them half-way between two steps
    "0 to 255": (BYTES, False),
    "0 to 1": (BYTES / 255, False),
    "-1 to 1": (BYTES / 127.5 - 1, True),
    "-0.5 to 0.5": (BYTES / 255 - 0.5, True),
    "-128 to 127": (BYTES - 128, False),
    "-127.5 to 127.5": (BYTES - 127.5, True),
    "noise": (np.random.default_rng(0).normal(0, 1, 5000), False),
}


@pytest.mark.parametrize("name", GRIDS)
def test_no_pixel_lies_half_way_between_two_steps(name):
    values, changed = GRIDS[name]
    ends = values.min(), values.max()
    low, high = between_steps(values, *ends)
    assert low == ends[0] and (high > ends[1]) == changed
    steps = values / ((high - low) / 255)
    if name != "noise":
        assert np.abs(steps - np.floor(steps) - 0.5).min() > 1e-3


@pytest.mark.parametrize(
    ("scale", "offset", "step", "zero"), [(1 / 127.5, -1, 1 / 127, -1), (1 / 255, 0, 1 / 255, -128), (1, 0, 1, -128)]
)
def test_the_input_of_an_int8_file_keeps_pixels_between_its_steps(scale, offset, step, zero, tmp_path):
    """Two ways to scale a pixel, a rounding error apart, are one integer."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    pixels = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3))
    pixels[0, :2, 0, 0] = 0, 255
    pictures = (pixels * scale + offset).astype("float32")
    export(model, tmp_path / "n.tflite", scheme="int8", calibration=pictures, tuning=Tuning.plain(), force=True)
    file = steps.File((tmp_path / "n.tflite").read_bytes())
    quantized = file.tensors[next(o for o in file.operators if file.kind(o) == steps.KIND.QUANTIZE).outputs[0]]
    held = quantized.quantization
    assert held.scale[0] == pytest.approx(step) and held.zeroPoint[0] == zero
    exact = BYTES * scale + offset
    a, b = (np.rint(exact * (1 + error) / held.scale[0]) for error in (-1e-6, 1e-6))
    np.testing.assert_array_equal(a, b)


def test_extremes_are_those_of_the_quantizers_own_meter(network, digits):
    pictures = [{"image": picture[None]} for picture in digits[0][0][:9]]
    data = convert.to_flatbuffer(network, 1)
    int_quantizer = quantizer.Quantizer(data, recipe.static_wi8_ai8())
    meter = calibrator.Calibrator(data, qsv_update_func=qsv_utils.min_max_update)
    meter.calibrate({"serving_default": pictures}, int_quantizer._recipe_manager)
    expected, measured = meter.get_model_qsvs(), extremes(int_quantizer, data, pictures)
    assert expected.keys() == measured.keys() and len(expected) == 10
    for name, ends in expected.items():
        for end in ("min", "max"):
            np.testing.assert_array_equal(measured[name][end], ends[end], err_msg=f"{name} {end}")
            assert np.shape(measured[name][end]) == np.shape(ends[end])


def test_a_range_ends_half_a_usual_range_beyond_what_95_percent_of_the_pictures_reach():
    low, high = np.full(40, -1.0), np.full(40, 3.0)
    assert usual_ends(low, high) == (-1, 3)
    high[7], low[9] = 100, -2
    assert usual_ends(low, high) == (-2, 5)
    low[9] = -50
    assert usual_ends(low, high) == (-3, 5)
    high[:8] = 100  # of a fifth of the pictures: this is usual
    assert usual_ends(low, high)[1] == 100


def test_few_pictures_and_results_that_seldom_differ_have_their_extremes():
    high = np.array([1.0] * 9 + [100])
    assert usual_ends(-high, high) == (-100, 100)
    seldom = np.array([0.0] * 39 + [7])
    assert usual_ends(-seldom, seldom) == (-7, 7)


def test_two_pictures_of_forty_do_not_make_int8_coarse_for_the_others(tmp_path):
    rng = np.random.default_rng(5)
    image = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Conv2D(8, 1, activation="relu")(image))
    model = keras.Model(image, keras.layers.Conv2D(4, 1)(x))
    model.set_weights([rng.normal(0.1, 1, w.shape) for w in model.get_weights()])
    pictures = rng.uniform(0, 1, (40, 6, 6, 3)).astype("float32")
    pictures[[3, 30]] *= 40
    data = convert.to_flatbuffer(model, 1)
    int_quantizer = quantizer.Quantizer(data, recipe.static_wi8_ai8())
    batches = [{"image": picture[None]} for picture in pictures]
    all_of_it, usual = (extremes(int_quantizer, data, batches, usual=usual) for usual in (False, True))
    results = [steps.File(data).name(o.outputs[0]) for o in steps.File(data).operators]
    ratios = [float(all_of_it[name]["max"].max() / usual[name]["max"].max()) for name in results]
    assert ratios[0] > 5 and ratios[1] > 5 and ratios[2] == 1  # the answers are not limited
    assert usual[next(name for name in usual if name not in results)]["max"].max() > 30  # nor is the picture
    unseen, noise = rng.uniform(0, 1, (20, 6, 6, 3)).astype("float32"), []
    for way in ("extremes", "usual"):
        tuning = Tuning(ranges=way, **BEFORE)
        export(model, tmp_path / "n.tflite", scheme="int8", calibration=pictures, tuning=tuning, force=True)
        noise.append(np.std(predict(tmp_path / "n.tflite", unseen) - model.predict(unseen, verbose=0)))
    assert noise[1] < 0.9 * noise[0], noise
