"""Heads and preprocessing: what goes before and behind a network when it becomes a file."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export, predict
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.rewrite.ends import with_ends
from keras_cnns.tflite.verify.outputs import by_answers


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_heads(scheme, network, digits, tmp_path):
    (pictures, _), (images, labels) = digits
    path, images = tmp_path / "net.tflite", images[:200]
    scores = np.asarray(network(images, training=False))
    data = {"scheme": scheme, "calibration": pictures, "images": images}

    assert export(network, path, head="logits", labels=labels[:200], **data).status == "pass"
    logits = predict(path, images)
    assert logits.min() < 0
    if scheme == "float32":
        np.testing.assert_allclose(keras.ops.softmax(logits), scores, atol=1e-4)

    assert export(network, path, head="argmax", **data).agreement >= 0.98
    assert np.mean(predict(path, images) == scores.argmax(-1)) >= 0.98

    export(network, path, head="top_k", k=3, force=True, **data)
    best = predict(path, images)
    assert best["classes"].shape == best["scores"].shape == (200, 3)
    assert np.mean(best["classes"][:, 0] == scores.argmax(-1)) >= 0.98
    assert (np.diff(best["scores"], axis=1) <= 0).all()


def test_softmax_is_put_behind_logits_and_not_twice(network, tmp_path):
    path, images = tmp_path / "net.tflite", np.random.default_rng(0).uniform(size=(5, 16, 16, 1)).astype("f4")
    export(network, path, head="softmax", images=images)
    np.testing.assert_allclose(predict(path, images), network(images, training=False), atol=1e-4)
    image = keras.Input((4,))
    logits = keras.Model(image, keras.layers.Dense(3)(image))
    export(logits, path, head="softmax")
    assert predict(path, np.ones((2, 4), "f4")).sum(-1) == pytest.approx(1)


def test_preprocessing_goes_into_the_file(network, digits, tmp_path):
    """The camera's bytes in, the class out: nothing left to do for the app."""
    (pictures, _), (images, labels) = digits
    rescaling = keras.layers.Rescaling(1 / 255)
    data = {"calibration": pictures * 255, "images": images * 255, "labels": labels}
    report = export(network, tmp_path / "a.tflite", scheme="int8", preprocessing=rescaling, input_type="uint8", **data)
    assert report.status == "pass"
    assert np.mean(predict(tmp_path / "a.tflite", images * 255).argmax(-1) == labels) == pytest.approx(report.accuracy)


def test_what_cannot_be(network, tmp_path):
    for options, message in (
        ({"head": "arg_max"}, "Did you mean argmax"),
        ({"head": "top_k", "k": 11}, "k is 11, and .* has 10 classes"),
        ({"preprocessing": 255}, "must be a Keras layer"),
    ):
        with pytest.raises(UserError, match=message):
            export(network, tmp_path / "net.tflite", **options)
    image = keras.Input((8, 8, 3))
    features = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    with pytest.raises(UserError, match="is for a classifier"):
        export(features, tmp_path / "net.tflite", head="argmax")


X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")


class MySoftmax(layers.Layer):
    def call(self, x):
        exponents = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return exponents / ops.sum(exponents, axis=-1, keepdims=True)


def ended(end, units=4):
    keras.utils.set_random_seed(0)
    image = keras.Input((6,))
    scores = layers.Dense(units, kernel_initializer=keras.initializers.RandomNormal(stddev=2.0))(image)
    return keras.Model(image, end(scores)), keras.Model(image, scores)


def mean(z):
    return layers.Average()([ops.softmax(z), layers.Softmax()(2 * z), ops.softmax(z / 3)])


ENDS = {
    "softmax, a cast": (lambda z: ops.cast(ops.softmax(z), "float16"), "classifier"),
    "softmax, dropout, an identity": (lambda z: layers.Identity()(layers.Dropout(0.5)(ops.softmax(z))), "classifier"),
    "softmax between reshapes": (lambda z: ops.squeeze(ops.softmax(ops.expand_dims(z, 1)), 1), "classifier"),
    "softmax, times one": (lambda z: 1.0 * ops.softmax(z), "classifier"),
    "softmax, without gradients": (lambda z: ops.copy(ops.stop_gradient(ops.softmax(z))), "classifier"),
    "softmax along a list of axes": (layers.Softmax(axis=[-1]), "classifier"),
    "softmax with a temperature": (lambda z: layers.Softmax()(z / 2.5), "classifier"),
    "a softmax of somebody's own": (MySoftmax(), "classifier"),
    "a softmax in a lambda": (layers.Lambda(lambda z: keras.activations.softmax(z)), "classifier"),
    "the mean of several": (mean, "classifier"),
    "a clipped softmax": (lambda z: ops.clip(ops.softmax(z), 1e-7, 1.0), "classifier"),
    "logits with a temperature": (lambda z: z / 2.5, "logits"),
    "log_softmax": (ops.log_softmax, "logits"),
    "log_softmax as an activation": (layers.Activation("log_softmax"), "logits"),
    "sigmoid as an operation": (ops.sigmoid, "multilabel"),
    "sigmoid, a reshape": (lambda z: layers.Reshape((2, 2))(ops.sigmoid(z)), "multilabel"),
    "argmin": (lambda z: ops.argmin(z, axis=-1), "classes"),
    "a threshold": (lambda z: ops.sigmoid(z) > 0.5, "classes"),
    "vectors of length one, by hand": (lambda z: z / ops.sqrt(ops.sum(z * z, -1, keepdims=True)), "embedding"),
    "a map of a hundred times as much": (lambda z: 100 * ops.softmax(z), "regression"),
    "one probability of several": (lambda z: ops.softmax(z)[:, 1], "regression"),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_kind_of_an_output_is_read_from_its_end_and_its_answers(case):
    end, kind = ENDS[case]
    model, _ = ended(end)
    (ending,) = FloatModel.of(model).endings()
    assert by_answers(ending.kind, model.predict(X, verbose=0)) == kind


def test_labels_tell_scores_from_other_numbers():
    numbers, labels = X[:, :4] * 3, np.arange(16) % 4
    assert by_answers("regression", numbers) == "regression"
    assert by_answers("regression", numbers, labels) == "logits"
    assert by_answers("regression", X[:, None, None], np.zeros((16, 1, 1), int)) == "segmentation"


def probabilities(scores):
    return np.asarray(ops.softmax(scores))


@pytest.mark.parametrize("case", [name for name in ENDS if ENDS[name][1] in ("classifier", "logits")])
def test_a_softmax_is_put_where_none_is_and_only_there(case):
    model, scores = ended(ENDS[case][0])
    wanted = model.predict(X, verbose=0)
    wanted = wanted if ENDS[case][1] == "classifier" else probabilities(wanted)
    np.testing.assert_allclose(with_ends(model, head="softmax")(X), wanted, atol=2e-4)


@pytest.mark.parametrize(
    "case",
    [
        "softmax, a cast",
        "softmax between reshapes",
        "softmax, times one",
        "softmax, without gradients",
        "softmax along a list of axes",
        "log_softmax",
        "sigmoid as an operation",
    ],
)
def test_logits_are_what_stood_before(case):
    model, scores = ended(ENDS[case][0])
    np.testing.assert_allclose(with_ends(model, head="logits")(X), scores(X), rtol=1e-3, atol=1e-3)


def test_impossible_heads_are_refused_in_one_line():
    for case, head in (("the mean of several", "logits"), ("a softmax in a lambda", "logits")):
        with pytest.raises(UserError, match="does not end in a softmax to remove"):
            with_ends(ended(ENDS[case][0])[0], head=head)
    with pytest.raises(UserError, match="several labels at once"):
        with_ends(ended(ops.sigmoid)[0], head="softmax")
    for head in ("softmax", "argmax", "top_k"):
        with pytest.raises(UserError, match="has one score"):
            with_ends(ended(ops.sigmoid, units=1)[0], head=head)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ops.argmax(x, axis=-1),
        lambda x: ops.argmax(x, axis=1),
        lambda x: ops.argmin(x, axis=2, keepdims=True),
        lambda x: ops.cast(ops.argmax(ops.softmax(x), axis=3), "uint8"),
    ],
    ids=["classes of a map", "rows", "argmin", "as bytes"],
)
def test_the_place_of_the_highest_along_any_axis(call, tmp_path):
    x, image = np.random.default_rng(0).normal(size=(8, 6, 5, 4)).astype("float32"), keras.Input((6, 5, 4))
    model = keras.Model(image, call(layers.Conv2D(7, 1)(image)))
    export(model, tmp_path / "net.tflite", images=x)
    wanted = model.predict(x, verbose=0)
    assert len(np.unique(wanted)) > 2
    np.testing.assert_array_equal(predict(tmp_path / "net.tflite", x), wanted)


@pytest.mark.parametrize(
    "message", ["class_map", ["class_map"], {"scores": "class_map"}, [["logits"]], [None], 3, "maps"]
)
def test_an_impossible_kind_of_output_is_refused_in_one_line(message):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Dense(4, name="scores")(layers.Flatten()(image)))
    with pytest.raises(UserError) as refused:
        export(model, "never.tflite", outputs=message)
    assert "\n" not in str(refused.value)
