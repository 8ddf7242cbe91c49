"""int8 without the operators where it makes the largest errors: their sensitivities, the choice, and the gain."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import FileSettings, Tuning, export
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.quantize import schemes, sensitivity, steps
from keras_cnns.tflite.quantize.evaluate import normalized_error
from keras_cnns.tflite.quantize.job import Job

UNEVEN = 60
INT8, INT16 = steps.schema.TensorType.INT8, steps.schema.TensorType.INT16
FLOAT32 = steps.schema.TensorType.FLOAT32


@pytest.fixture(scope="module")
def uneven():
    """A network one of whose tensors has a channel many times as large as the others, and 60 pictures.

    What rounds that tensor wipes the other channels out, and they are half of the answer.
    """
    rng = np.random.default_rng(0)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(image)
    x = keras.layers.Conv2D(8, 1, activation="relu", name="wide")(x)
    x = keras.layers.Conv2D(8, 1, activation="relu", name="reader")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="later")(x)
    x = keras.layers.Dense(6, name="scores")(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Softmax(name="answer")(x))
    for item in model.layers:
        if item.weights:
            kernel = item.kernel.shape
            item.set_weights([rng.normal(0, (2 / np.prod(kernel[:-1])) ** 0.5, kernel), np.zeros(kernel[-1])])
    (wide, bias), (reader, other) = (model.get_layer(name).get_weights() for name in ("wide", "reader"))
    wide[..., 0] = np.abs(wide[..., 0]) * UNEVEN
    reader[:, :, 0] /= UNEVEN
    model.get_layer("wide").set_weights([wide, bias])
    model.get_layer("reader").set_weights([reader, other])
    return model, rng.uniform(0, 1, (60, 8, 8, 3)).astype("f4")


def layer(name):
    """The layer's own name in the path that the converter makes of it."""
    return name.split(";")[0].split("/")[-2:][0].removesuffix("_1").removesuffix("_relu")


def made(uneven, path, scheme="int8_float_mixed", **options):
    """(report, {layer: the type of what it makes}) of a file that is compared on pictures it was not made on."""
    model, pictures = uneven
    arguments = {"calibration": pictures[:40], "images": pictures[40:], "force": True, **options}
    report = export(model, path, scheme=scheme, **arguments)
    file, kinds = steps.File(path.read_bytes()), (steps.KIND.CONV_2D, steps.KIND.FULLY_CONNECTED)
    weighted = [o.outputs[0] for o in file.operators if file.kind(o) in kinds]
    return report, {layer(file.name(i)): file.tensors[i].type for i in weighted}


def test_the_operators_on_both_sides_of_the_worst_rounding_are_left_out(uneven, tmp_path):
    report, types = made(uneven, tmp_path / "net.tflite")
    worst = {(layer(h.layer), h.operator, h.what, h.kept) for h in report.sensitivities[:2]}
    assert worst == {("wide", "CONV_2D", "result", "float"), ("reader", "CONV_2D", "weights", "float")}
    assert report.sensitivities[1].error > 20 * report.sensitivities[2].error
    assert types == {"wide": FLOAT32, "reader": FLOAT32} | dict.fromkeys(("first", "later", "scores"), INT8)
    kept = {(layer(h.layer), h.what): h.kept for h in report.sensitivities}
    assert kept["reader", "weights"] == "float" and kept["later", "weights"] == kept["later", "result"] == "int8"
    assert not any(h.operator == "SOFTMAX" for h in report.sensitivities)  # it stays in floats in int8 as well
    assert any(note.startswith("2 of 7 operators are in float") and "wide" in note for note in report.notes)


def test_a_sensitivity_is_the_error_of_that_rounding_alone_computed_by_hand():
    rng = np.random.default_rng(3)
    image = keras.Input((12,), name="image")
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.Dense(9, activation="relu", name="first")(image)))
    model.set_weights([rng.normal(0.1, 1, w.shape) for w in model.get_weights()])
    x = rng.uniform(-1, 1.5, (sensitivity.PICTURES, 12)).astype("f4")
    data = convert.to_flatbuffer(model, 1)
    made = schemes.make("int8", data, Job({"image": x}, FileSettings(tuning=Tuning.plain())))
    actual, full = sensitivity.measure(data, made, {"image": x}), steps.File(made)
    kernel, bias, last, end = (w.astype(np.float64) for w in model.get_weights())
    operator = next(o for o in full.operators if full.kind(o) == steps.KIND.FULLY_CONNECTED)
    grid = full.tensors[operator.outputs[0]].quantization
    hidden = np.maximum(x @ kernel + bias, 0)
    rounded = np.clip(np.rint(hidden / grid.scale[0]) + grid.zeroPoint[0], -128, 127) - grid.zeroPoint[0]
    steps_of = np.asarray(full.tensors[operator.inputs[1]].quantization.scale)
    coarse = np.rint(kernel / steps_of) * steps_of
    wanted = hidden @ last + end
    by_hand = {
        "result": rounded * grid.scale[0] @ last + end,
        "weights": np.maximum(x @ coarse + bias, 0) @ last + end,
    }
    for what, answer in by_hand.items():
        (only,) = [r for r in actual if r.what == what and full.name(operator.outputs[0]) == r.name]
        assert only.error == pytest.approx(np.mean((answer - wanted) ** 2) / np.var(wanted), rel=1e-3)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("scheme", "kept"), [("int8_float_mixed", FLOAT32), ("int8_int16_mixed", INT16)])
@pytest.mark.parametrize("tuning", [Tuning.plain(), None], ids=["plain", "tuned"])
def test_without_them_the_answers_are_right(scheme, kept, tuning, uneven, tmp_path):
    full, _ = made(uneven, tmp_path / "net.tflite", "int8", tuning=tuning)
    report, types = made(uneven, tmp_path / "net.tflite", scheme, tuning=tuning)
    assert types["wide"] == types["reader"] == kept
    assert report.snr_db > full.snr_db + (15 if kept == FLOAT32 else 1)  # in int16 its weights have eight bits still
    assert report.size_bytes < full.size_bytes + 4000


def test_the_more_error_is_avoided_the_closer_the_answers(uneven, tmp_path):
    result = [made(uneven, tmp_path / "net.tflite", error_avoided=share)[0] for share in (0.3, 0.999)]
    left_out = [sum(h.kept == "float" for h in report.sensitivities) for report in result]
    assert left_out[0] < left_out[1] and result[0].snr_db < result[1].snr_db


@pytest.mark.slow
def test_auto_leaves_them_in_floats_where_int8_loses_too_much(uneven, tmp_path):
    full, _ = made(uneven, tmp_path / "net.tflite", "int8")
    report, types = made(uneven, tmp_path / "net.tflite", "auto", max_drop=full.accuracy_loss / 2)
    assert (
        full.accuracy_loss > 0
        and report.accuracy_loss <= full.accuracy_loss / 2
        and report.scheme == "int8_float_mixed"
    )
    assert types["wide"] == FLOAT32 and types["later"] == INT8
    walked = {c.name: c.chosen for c in report.candidates if c.name.startswith("int8_float_mixed")}
    assert walked == {
        "int8_float_mixed, error_avoided 0.5": False,
        "int8_float_mixed, error_avoided 0.75": True,
    }  # and no further


def test_bytes_go_in_and_out_of_a_mixture(uneven, tmp_path):
    report, types = made(uneven, tmp_path / "net.tflite", input_type="int8", output_type="int8")
    assert types["wide"] == FLOAT32 and report.status != "fail"


def test_those_around_as_few_roundings_as_make_the_share():
    rows = [("d", 0.6, "de"), ("a", 0.2, "ab"), ("b", 0.1, "be"), ("c", 0.1, "c")]
    result = [sensitivity.Rounding(sensitivity.RESULT, name, frozenset(around), error) for name, error, around in rows]
    assert sensitivity.choose(result, 0.5) == {*"de"}
    assert sensitivity.choose(result, 0.7) == {*"abde"}
    assert sensitivity.choose(result, 0.89) == {*"abde"}  # what "b" does went with the others
    assert sensitivity.choose(result, 0.95) == {*"abcde"}
    weights = [sensitivity.Rounding(sensitivity.WEIGHTS, "w", frozenset("w"), 9.0), *result]
    assert sensitivity.choose(weights, 0.5) == {"w"}
    assert sensitivity.choose(weights, 0.5, "int16") == {*"de"}  # whose weights have eight bits too: that error stays
    none = [sensitivity.Rounding(sensitivity.RESULT, "a", frozenset("ab"), 0.0)]
    assert sensitivity.choose(none, 0.75) == set()  # there is no error


def test_the_error_of_class_numbers_is_the_share_that_differs():
    wanted, actual = np.array([[3, 9], [4, 4]]), np.array([[3, 9], [4, 900]])
    assert normalized_error([wanted], [actual]) == 0.25 and normalized_error([wanted], [wanted]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_avoided": 0}, "error_avoided is 0: give a share between 0 and 1"),
        ({"error_avoided": 1.5}, "error_avoided is 1.5"),
        ({"error_avoided": "most"}, "error_avoided is 'most'"),
        ({"error_avoided": float("nan")}, "error_avoided is nan"),
        ({"error_avoided": 0.5, "scheme": "int8"}, "int8 leaves no operator out"),
        ({"error_avoided": 0.5, "scheme": "auto"}, "tries several"),
        ({"max_size": 0.5}, "int8_float_mixed has a fixed size"),
        ({"calibration": None}, "needs calibration pictures"),
        ({"engine": "converter"}, "the stock converter has no int8_float_mixed"),
        ({"scheme": "int8_int16_mixed", "islands": ["ADD"]}, "has no use for islands"),
    ],
)
def test_options_that_do_not_apply_are_refused_in_one_line(options, message, uneven, tmp_path):
    model, pictures = uneven
    options = {"scheme": "int8_float_mixed", "calibration": pictures, **options}
    with pytest.raises(UserError, match=message) as caught:
        export(model, tmp_path / "net.tflite", **options)
    assert "\n" not in str(caught.value)
