"""Channels that are all but dead keep their biases in integers, in every scheme that rounds activations."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite import Tuning, export
from keras_cnns.tflite.quantize import bias_overflow, rules, steps

SCHEMES = ("int8", "int8_float_mixed", "int8_int16_mixed", "int16x8")


def some(share):
    """Weights of that share of the channels times next to nothing; their biases stay."""
    return lambda w: np.where(np.arange(w.shape[-1]) < share * w.shape[-1], 1e-12 * w, w) if w.ndim > 1 else w + 1


CASES = {
    "some channels": ("pointwise", some(0.25)),
    "all channels": ("pointwise", some(1.0)),
    "dead": ("pointwise", lambda w: 0 * w if w.ndim > 1 else w + 1),
    "nothing comes in": ("depthwise", lambda w: 0 * w),
    "depthwise channels": ("depthwise", some(0.5)),
    "dense": ("hidden", some(0.5)),
    "transposed": ("wider", some(0.5)),
}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(9).uniform(0, 1, (40, 12, 12, 3)).astype("f4")


def network(name, change):
    rng = np.random.default_rng(1)
    x = image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.Conv2D(12, 1, activation="relu", name="pointwise")(x)
    x = keras.layers.Conv2DTranspose(8, 2, name="wider")(x)
    x = keras.layers.Dense(10, name="hidden")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, keras.layers.Dense(5, name="out")(x))
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    model.get_layer(name).set_weights([change(w) for w in model.get_layer(name).get_weights()])
    return model


@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", CASES)
def test_the_answers_are_those_of_the_network(case, pictures, tmp_path):
    name, change = CASES[case]
    model = network(name, change)
    options = {"calibration": pictures, "tuning": Tuning.plain(), "force": True}
    for scheme in SCHEMES if case == "some channels" else SCHEMES[:1]:
        report = export(model, tmp_path / "net.tflite", scheme=scheme, **options)
        wanted = model.predict(pictures, verbose=0)
        if wanted.std(0).max() > 1e-4:
            assert report.snr_db > 25, scheme
        else:  # nothing of the picture is left in the answer: only that it is right can be asked
            assert report.comparisons[0].largest_difference < 0.02


def test_the_stored_bias_is_the_one_of_the_network(pictures, tmp_path):
    model = network(*CASES["some channels"])
    options = {"scheme": "int8", "calibration": pictures, "tuning": Tuning.plain()}
    export(model, tmp_path / "net.tflite", **options)
    file = steps.File((tmp_path / "net.tflite").read_bytes())
    pointwise = [o for o in file.operators if file.kind(o) == steps.KIND.CONV_2D][1]
    kernel, bias = pointwise.inputs[1:]
    stored = steps.in_floats(file.constant(bias), file.tensors[bias])
    np.testing.assert_allclose(stored, model.get_layer("pointwise").get_weights()[1], atol=1e-4)
    weights = steps.in_floats(file.constant(kernel), file.tensors[kernel]).transpose(1, 2, 3, 0)
    assert (
        np.abs(weights - model.get_layer("pointwise").get_weights()[0])[..., 3:].max() < 0.01
    )  # the others' are rounded
    assert np.abs(file.constant(bias)).max() < 2**30


def test_the_file_is_as_small_as_with_biases_that_fit(pictures, tmp_path):
    sizes = []
    for change in (CASES["some channels"][1], lambda w: w):
        options = {"scheme": "int8", "calibration": pictures, "tuning": Tuning.plain(), "force": True}
        sizes.append(export(network("pointwise", change), tmp_path / "net.tflite", **options).size_bytes)
    assert sizes[0] <= sizes[1]


def test_a_file_whose_biases_fit_is_left_as_it_is(pictures, monkeypatch, tmp_path):
    changed = []
    monkeypatch.setattr(
        rules.bias_overflow,
        "fit",
        lambda plain, result: changed.append(biases_of(plain, result) is not result) or result,
    )
    export(network("out", lambda w: w), tmp_path / "n.tflite", scheme="int8", calibration=pictures, force=True)
    assert changed == [False]


biases_of = bias_overflow.fit
