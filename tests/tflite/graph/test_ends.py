"""Heads and preprocessing: what goes before and behind a network when it becomes a file."""

import keras
import numpy as np
import pytest

from keras_cnns.errors import UserError
from keras_cnns.tflite import export, predict


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
        ({"head": "top_k", "k": 11}, "best 11 of 10"),
        ({"preprocessing": 255}, "must be a Keras layer"),
    ):
        with pytest.raises(UserError, match=message):
            export(network, tmp_path / "net.tflite", **options)
    image = keras.Input((8, 8, 3))
    features = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    with pytest.raises(UserError, match="is for a classifier"):
        export(features, tmp_path / "net.tflite", head="argmax")
