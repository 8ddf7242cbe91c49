"""The class map inside a file: `export(..., explain="cam")`."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite import SCHEMES, Tuning, export, predict
from keras_cnns.tflite.check.describe import describe
from keras_cnns.tflite.verify.compare import compare


def by_hand(model, pooling, images):
    """The dense kernel at every position of the maps that are averaged, and the bias."""
    maps = keras.Model(model.inputs, model.get_layer(pooling).input).predict(images, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    return maps @ kernel, bias


@pytest.mark.sampled(2)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_answers_it_behind_the_scores(scheme, network, digits, tmp_path):
    (seen, _), (images, labels) = digits
    path, images, labels = tmp_path / "net.tflite", images[:100], labels[:100]
    options = {"calibration": seen[:200], "images": images, "labels": labels}
    four_bits = scheme in ("weight_only_int4", "weight_only_mixed")
    report = export(network, path, scheme=scheme, explain="cam", force=four_bits, **options)
    assert report.status == "pass" or four_bits
    assert [out["name"] for out in describe(path)["outputs"]] == ["predictions", "class_map"]
    assert [c.kind for c in report.comparisons] == ["classifier", "class_map"]
    assert report.accuracy is not None and report.comparisons[1].accuracy is None
    answers = predict(path, images)
    expected, _ = by_hand(network, "global_average_pooling2d", images)
    assert answers["class_map"].shape == expected.shape == (100, 4, 4, 10)
    loose = 0.5 if four_bits else {"float32": 1e-5, "float16": 1e-3}.get(scheme, 0.05)
    assert np.abs(answers["class_map"] - expected).mean() < loose * np.abs(expected).mean()


def test_its_mean_is_the_score_less_the_bias(network, digits, tmp_path):
    images = digits[1][0][:20]
    export(network, tmp_path / "net.tflite", explain="cam", head="logits", images=images)
    scores, result = (predict(tmp_path / "net.tflite", images)[name] for name in ("predictions", "class_map"))
    np.testing.assert_allclose(result.mean((1, 2)) + network.layers[-1].get_weights()[1], scores, atol=1e-4)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "options",
    [
        {"head": "argmax"},
        {"head": "top_k", "k": 3},
        {"scheme": "int8", "input_type": "uint8", "output_type": "uint8"},
        {"scheme": "int8", "engine": "converter"},
        {"batch": None},
        {"batch": 3},
        {"outputs": "classifier"},
        {"outputs": ["classifier"]},
    ],
    ids=str,
)
def test_with_every_other_option(options, network, digits, tmp_path):
    images = digits[1][0][:60]
    report = export(network, tmp_path / "net.tflite", explain="cam", images=images, calibration=images, **options)
    assert {c.output: c.kind for c in report.comparisons}["class_map"] == "class_map"
    expected, _ = by_hand(network, "global_average_pooling2d", images)
    answers = predict(tmp_path / "net.tflite", images)["class_map"]
    assert np.abs(answers - expected).max() < 0.05 * np.abs(expected).max()


def maps(shape=(16, 16, 3)):
    image = keras.Input(shape, name="image")
    return image, layers.Conv2D(6, 3, strides=2, activation="relu")(layers.Rescaling(1 / 2)(image))


def dense(pooled, **options):
    image, x = maps()
    return keras.Model(image, layers.Dense(4, **{"activation": "softmax", **options})(pooled(x)))


def in_half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        image, x = maps()
        x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
        return keras.Model(image, layers.Activation("softmax", dtype="float32")(x))
    finally:
        keras.config.set_dtype_policy(before)


def nested():
    image, x = maps()
    base = keras.Model(image, x)
    head = [layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(4, "sigmoid")]
    return keras.Sequential([keras.Input((16, 16, 3)), base, *head])


def a_convolution_as_head():
    image, x = maps()
    x = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.Model(image, layers.Softmax()(layers.Flatten()(x)))


def network_in_network():
    image, x = maps()
    return keras.Model(image, layers.Softmax()(layers.GlobalAveragePooling2D()(x)))


def with_an_auxiliary_head():
    image, x = maps()
    aux = layers.Dense(4, name="aux")(layers.Flatten()(x))
    return keras.Model(image, [layers.Dense(4, name="main")(layers.GlobalAveragePooling2D()(x)), aux])


ENDS = {
    "mean": lambda: dense(lambda x: keras.ops.mean(x, axis=(1, 2))),
    "mean of negative axes": lambda: dense(lambda x: keras.ops.mean(x, axis=[-3, -2])),
    "pooling of the whole map": lambda: dense(lambda x: layers.Flatten()(layers.AveragePooling2D(7)(x))),
    "logits": lambda: dense(layers.GlobalAveragePooling2D(), activation=None),
    "no bias": lambda: dense(layers.GlobalAveragePooling2D(), use_bias=False),
    "half precision": in_half_precision,
    "nested": nested,
    "a convolution as head": a_convolution_as_head,
    "network in network": network_in_network,
    "an auxiliary head": with_an_auxiliary_head,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_every_kind_of_such_an_end(end, scheme, tmp_path):
    """Held to the map of the Keras model by another road, `insight.cam`, and its mean to the scores."""
    from keras_cnns import insight

    model, images = randomize(ENDS[end]()), pictures(40, (16, 16, 3))
    report = export(model, tmp_path / "net.tflite", scheme=scheme, explain="cam", images=images, calibration=images)
    answers = predict(tmp_path / "net.tflite", images)["class_map"]
    for index in range(answers.shape[-1]):
        expected = insight.cam(model, images, index)
        here = np.asarray(keras.ops.image.resize(answers[..., [index]], (16, 16)))[..., 0]
        np.testing.assert_allclose(here, expected, atol=(1e-4 if scheme == "float32" else 0.05) * np.abs(answers).max())
    assert report.comparisons[-1].kind == "class_map"


def flat():
    image, x = maps()
    return keras.Model(image, layers.Dense(4, name="answer")(layers.Flatten(name="flat")(x)))


def two_dense():
    image, x = maps()
    x = layers.Dense(8, "relu", name="hidden")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(4)(x))


def two_heads():
    image, x = maps()
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, [layers.Dense(4, name="a")(x), layers.Dense(2, name="b")(x)])


def the_name_is_taken():
    image, x = maps()
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D(name="class_map")(x)))


@pytest.mark.parametrize(
    ("model", "explain", "says"),
    [
        (flat, "cam", "'conv2d.*' .Conv2D. before its scores"),
        (two_dense, "cam", "'hidden' .Dense. before its scores"),
        (two_heads, "cam", "2 outputs .a, b."),
        (lambda: dense(layers.GlobalMaxPooling2D(name="most")), "cam", "'most' .GlobalMaxPooling2D."),
        (lambda: dense(layers.GlobalAveragePooling2D(), activation="relu", name="bent"), "cam", "pass through relu"),
        (the_name_is_taken, "cam", "a layer 'class_map' already"),
        (flat, "grad_cam", "explain is 'grad_cam': choose from cam"),
        (flat, 3, "explain must be a word"),
    ],
)
def test_a_network_without_a_class_map_is_refused_in_one_line(model, explain, says, tmp_path):
    with pytest.raises(UserError, match=says) as error:
        export(model(), tmp_path / "net.tflite", explain=explain)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_kernel_stands_in_the_file_once(tmp_path):
    image, x = maps()
    model = keras.Model(image, layers.Dense(2000)(layers.GlobalAveragePooling2D()(layers.Conv2D(256, 1)(x))))
    images = pictures(8, (16, 16, 3))
    for scheme in ("float32", "int8", "weight_only_int8"):
        options = {"scheme": scheme, "images": images, "calibration": images, "force": True}
        options["tuning"] = (
            None if scheme == "float32" else Tuning.plain()
        )  # a kernel used twice is not rounded for one
        plain = export(model, tmp_path / "plain.tflite", **options)
        both = export(model, tmp_path / "both.tflite", explain="cam", **options)
        kernel = 256 * 2000 * (4 if scheme == "float32" else 1)
        assert both.size_bytes - plain.size_bytes < 0.25 * kernel
        np.testing.assert_array_equal(
            predict(tmp_path / "plain.tflite", images), predict(tmp_path / "both.tflite", images)["dense"]
        )


def test_a_map_of_another_place_is_no_map():
    rng = np.random.default_rng(0)
    original = rng.normal(size=(20, 7, 7, 3))
    original[..., 1] += 1
    noise = rng.normal(size=original.shape)
    assert compare("m", original, original + 0.05 * noise, kind="class_map").judge("int8")[0] == "pass"
    elsewhere = np.roll(original, 3, axis=2)
    assert compare("m", original, elsewhere, kind="class_map").judge("int8")[0] == "fail"
    others = original.copy()
    others[..., [0, 2]] += 9 * noise[..., [0, 2]]  # the maps of classes that were not answered
    assert compare("m", original, others, kind="class_map").map_error == 0


def test_auto_keeps_it(network, digits, tmp_path):
    images, labels = (array[:60] for array in digits[1])
    report = export(network, tmp_path / "net.tflite", scheme="auto", explain="cam", images=images, labels=labels)
    assert "class_map" in predict(tmp_path / "net.tflite", images[:2]) and report.comparisons[1].kind == "class_map"


def test_what_was_trained_to_be_rounded_is_refused(network, tmp_path):
    from keras_cnns.tflite import quantization_aware

    with pytest.raises(UserError, match="explain= is not available for"):
        export(quantization_aware(network), tmp_path / "net.tflite", scheme="int8", explain="cam")
