"""Biases corrected and weights rounded on pictures: by hand, on shared layers, in every scheme that rounds."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite import Tuning, export, predict
from keras_cnns.tflite.quantize import layerwise, rules, steps

SCHEMES = ("int8", "weight_only_int8", "dynamic_int8", "weight_only_int4", "int16x8", "int8_float_islands")
BIAS = Tuning(rounding="nearest")


def file_of(model, path, pictures, tuning, scheme="weight_only_int8", **options):
    """The file as `steps.File`."""
    export(model, path, scheme=scheme, calibration=pictures, tuning=tuning, force=True, **options)
    return steps.File(path.read_bytes())


def stored(file):
    """(kernel in floats [inputs, outputs], bias) of each dense layer in a weight-only file, in order."""
    behind = {o.outputs[0]: o.inputs[0] for o in file.operators if file.kind(o) == steps.KIND.DEQUANTIZE}
    for operator in file.operators:
        if file.kind(operator) == steps.KIND.FULLY_CONNECTED:
            kernel = behind[operator.inputs[1]]
            scale = file.tensors[kernel].quantization.scale
            yield (file.constant(kernel) * np.reshape(scale, (-1, 1))).T, file.constant(operator.inputs[2])


@pytest.fixture(scope="module")
def dense():
    """Two dense layers whose inputs are far from zero on the mean, and 40 inputs."""
    rng = np.random.default_rng(0)
    x = image = keras.Input((12,))
    x = keras.layers.Dense(9, activation="relu")(x)
    model = keras.Model(image, keras.layers.Dense(5)(x))
    model.set_weights([rng.normal(0.2, 1, w.shape) for w in model.get_weights()])
    return model, rng.uniform(0.5, 3, (40, 12)).astype("f4")


def test_the_corrected_bias_is_the_one_computed_by_hand(dense, tmp_path):
    model, x = dense
    first, second = stored(file_of(model, tmp_path / "net.tflite", x, BIAS))
    kernel, bias, *rest = (w.astype(np.float64) for w in model.get_weights())
    wanted, actual = x @ kernel + bias, x @ first[0] + bias
    by_hand = bias + (wanted - actual).mean(0)
    np.testing.assert_allclose(first[1], by_hand, atol=1e-5)
    # the second layer is corrected on what the corrected first one gives it
    wanted, inputs = np.maximum(wanted, 0), np.maximum(x @ first[0] + by_hand, 0)
    kernel, bias = rest
    by_hand = bias + (wanted @ kernel - inputs @ second[0]).mean(0)
    np.testing.assert_allclose(second[1], by_hand, atol=1e-5)
    assert np.abs(by_hand - bias).max() > 1e-3  # and that is a correction


@pytest.mark.sampled(2)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_channels_are_right_on_the_mean(scheme, dense, tmp_path, monkeypatch):
    monkeypatch.setattr(rules, "SMALL_KERNEL", 0)  # or dynamic_int8 leaves these kernels in float
    model, x = dense
    errors = []
    for tuning in (Tuning.plain(), BIAS):
        path = tmp_path / "net.tflite"
        file_of(model, path, x, tuning, scheme)
        errors.append(np.abs((predict(path, x) - model.predict(x, verbose=0)).mean(0)).max())
    assert errors[1] < 0.5 * errors[0]


def test_a_network_of_pictures_is_closer_to_its_original(network, digits, tmp_path):
    (pictures, _), (unseen, _) = digits
    logits = keras.Model(network.input, network.layers[-1].input)
    logits = keras.Model(network.input, keras.layers.Dense(10)(logits.output))
    logits.layers[-1].set_weights(network.layers[-1].get_weights())
    results = {}
    for name, tuning in {"plain": Tuning.plain(), "bias": BIAS, "learned": Tuning(rounding="learned")}.items():
        report = export(
            logits,
            tmp_path / "net.tflite",
            scheme="weight_only_int4",
            calibration=pictures[:64],
            images=unseen[:200],
            tuning=tuning,
            force=True,
        )
        results[name] = report.snr_db
    assert results["plain"] + 1 < results["learned"] and results["plain"] < results["bias"]


def test_layers_used_twice_have_a_bias_for_each_use(tmp_path):
    rng = np.random.default_rng(1)
    a, b = keras.Input((4, 4, 6), name="a"), keras.Input((4, 4, 6), name="b")
    shared = keras.layers.Conv2D(7, 1)
    model = keras.Model([a, b], keras.layers.Add()([shared(a), shared(b)]))
    model.set_weights([rng.normal(0.3, 1, w.shape) for w in model.get_weights()])
    inputs = [rng.uniform(0, high, (20, 4, 4, 6)).astype("f4") for high in (1, 5)]
    file = file_of(model, tmp_path / "net.tflite", inputs, Tuning(rounding="learned"))
    uses = [o for o in file.operators if file.kind(o) == steps.KIND.CONV_2D]
    first, other = (file.constant(use.inputs[2]) for use in uses)
    assert not np.array_equal(first, other)
    answers = predict(tmp_path / "net.tflite", {"a": inputs[0], "b": inputs[1]})
    wrong = answers - model.predict(inputs, verbose=0)
    assert np.abs(wrong.mean((0, 1, 2))).max() < 1e-4


@pytest.mark.parametrize("batch", [None, 3])
def test_several_pictures_at_a_time(batch, dense, tmp_path):
    model, x = dense
    bias = [b for _, b in stored(file_of(model, tmp_path / "net.tflite", x[:39], BIAS, batch=batch))]
    alone = [b for _, b in stored(file_of(model, tmp_path / "net.tflite", x[:39], BIAS))]
    for first, other in zip(bias, alone, strict=True):
        np.testing.assert_allclose(first, other, atol=1e-5)


def test_a_loop_is_left_as_it_is(tmp_path):
    image = keras.Input((6, 5))
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.LSTM(4)(image)))
    x = np.random.default_rng(0).normal(0, 1, (20, 6, 5)).astype("f4")
    results = []
    for tuning in (Tuning.plain(), Tuning()):
        path = tmp_path / "net.tflite"
        export(model, path, scheme="weight_only_int8", calibration=x, tuning=tuning)
        results.append(predict(path, x))
    np.testing.assert_array_equal(*results)


def test_four_bits_lie_two_in_a_byte():
    values = np.array([[-8, 7, 0], [-1, 3, 5]], np.int8)
    raw = steps.packed(values)
    assert raw.tolist() == [0x78, 0xF0, 0x53]
    np.testing.assert_array_equal(steps.unpacked(raw, (2, 3)), values)
    np.testing.assert_array_equal(steps.unpacked(steps.packed(values[0]), (3,)), values[0])


def error_of(model, path, x):
    """The squared error of a file's answers over their variance."""
    wanted = model.predict(x, verbose=0)
    return float(np.mean((predict(path, x) - wanted) ** 2) / wanted.var())


@pytest.mark.parametrize("count", [1, 3, layerwise.FEWEST - 1, 40])
def test_what_a_few_odd_pictures_say_is_not_learned(count, dense, tmp_path):
    """Pictures that differ widely: the error of one says nothing about the next."""
    model, _ = dense
    rng = np.random.default_rng(count)
    seen, unseen = ((rng.normal(0, 1, (n, 12)) * rng.uniform(0.1, 3, (n, 1))).astype("f4") for n in (count, 500))
    path, errors = tmp_path / "net.tflite", []
    for tuning in (Tuning.plain(), Tuning()):
        file_of(model, path, seen, tuning)
        errors.append(error_of(model, path, unseen))
    assert errors[1] == errors[0] if count < layerwise.FEWEST else errors[1] < errors[0]


def test_the_file_that_is_closer_on_held_out_pictures_is_kept(dense, tmp_path):
    model, x = dense
    export(model, tmp_path / "float.tflite", images=x)
    file_of(model, tmp_path / "better.tflite", x, Tuning.plain(), "weight_only_int8")
    file_of(model, tmp_path / "worse.tflite", x, Tuning.plain(), "weight_only_int4")
    plain, better, worse = ((tmp_path / f"{n}.tflite").read_bytes() for n in ("float", "better", "worse"))
    name = steps.File(plain).model.signatureDefs[0].inputs[0].name.decode()
    assert layerwise.closer_of(plain, better, worse, {name: x}) is better
    assert layerwise.closer_of(plain, worse, better, {name: x}) is better


def test_int8_is_closer_to_the_original_than_the_stock_converters(network, digits, tmp_path):
    """Both before the softmax: one in integers hides what is smaller than its steps, and looks the better for it."""
    (pictures, _), (unseen, _) = digits
    arguments = {
        "scheme": "int8",
        "head": "logits",
        "calibration": pictures[:64],
        "images": unseen[:200],
        "force": True,
    }
    ours, plain, stock = (
        export(network, tmp_path / "net.tflite", **arguments, **options).snr_db
        for options in ({}, {"tuning": Tuning.plain()}, {"engine": "converter"})
    )
    assert ours > stock and ours > plain and abs(plain - stock) < 3
