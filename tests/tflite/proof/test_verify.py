"""The figures by which a file is judged, against cases whose answers are known."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite.proof import verify


def softmax(logits):
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(0, 4, (400, 10))


def test_equal_answers_are_perfect(logits):
    found = verify.compare("x", logits, logits, classifier=True)
    assert (found.cosine, found.agreement, found.largest_difference) == (1, 1, 0)
    assert found.snr_db == 200


def test_noise_of_a_tenth_is_twenty_decibels(logits):
    noise = np.random.default_rng(1).normal(0, 0.4, logits.shape)
    found = verify.compare("x", logits, logits + noise)
    assert found.snr_db == pytest.approx(20, abs=0.3)
    assert found.cosine == pytest.approx(1 / np.sqrt(1.01), abs=1e-3)
    assert found.largest_difference == pytest.approx(np.abs(noise).max() / np.abs(logits).max())


def test_probabilities_are_compared_as_the_logits_behind_them(logits):
    noise = np.random.default_rng(1).normal(0, 0.4, logits.shape)
    through = verify.compare("x", softmax(logits), softmax(logits + noise), probability=True)
    centred = [v - v.mean(-1, keepdims=True) for v in (logits, logits + noise)]
    direct = verify.compare("x", *centred)
    assert through.snr_db == pytest.approx(direct.snr_db, abs=1e-6)


def test_the_step_of_an_integer_output_is_forgiven(logits):
    scores = softmax(logits)
    rounded = np.rint(scores * 256) / 256
    assert verify.compare("x", scores, rounded, probability=True).snr_db < 12
    assert verify.compare("x", scores, rounded, probability=True, scale=1 / 256).snr_db > 25


def test_agreement_and_accuracy():
    original = np.eye(4)[[0, 1, 2, 3]] * [[9], [9], [1], [1]]
    answer = np.eye(4)[[0, 1, 2, 0]]
    found = verify.compare("x", original, answer, labels=np.array([0, 1, 0, 0]), classifier=True)
    assert found.agreement == 0.75
    assert found.agreement_confident == 1  # the two pictures it is sure of
    assert (found.accuracy, found.original_accuracy, found.accuracy_drop) == (0.75, 0.5, -0.25)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({"cosine": 0.999, "snr_db": 30, "agreement": 0.99}, "pass"),
        ({"cosine": 0.999, "snr_db": 15, "agreement": 0.99}, "warn"),
        ({"cosine": 0.999, "snr_db": 15, "agreement": 0.94}, "fail"),
        ({"cosine": float("nan"), "snr_db": 30}, "fail"),
        ({"cosine": 0.999, "snr_db": 30, "accuracy": 0.9, "original_accuracy": 0.95}, "fail"),
        ({"cosine": 0.999, "snr_db": 30, "accuracy": 0.95, "original_accuracy": 0.9}, "pass"),
        ({"cosine": 0.999, "snr_db": 30, "accuracy": 0.97, "original_accuracy": 0.98}, "pass"),  # one in a hundred
        ({"cosine": 0.999, "snr_db": 30, "accuracy": 0.97, "original_accuracy": 0.981}, "warn"),
    ],
)
def test_limits(figures, verdict):
    assert verify.Comparison("x", **figures).judge("int8")[0] == verdict


def test_float32_has_nothing_to_lose():
    close = verify.Comparison("x", cosine=1.0, snr_db=50.0, largest_difference=2e-3)
    assert close.judge("int8")[0] == "pass" and close.judge("float32")[0] == "fail"


def test_what_is_a_classifier():
    image = keras.Input((4,))
    x = keras.layers.Dense(3)(image)
    values = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    assert verify.is_classifier(keras.Model(image, x), {"x": values})
    assert verify.is_classifier(keras.Model(image, keras.layers.Softmax()(x)), {"x": softmax(values)})
    assert not verify.is_classifier(keras.Model(image, keras.layers.ReLU()(x)), {"x": values})
    assert not verify.is_classifier(keras.Model(image, [x, x]), {"x": values, "y": values})


def test_doubts():
    same = np.tile([0.9, 0.05, 0.05], (8, 1))
    assert "same class" in verify.doubts({"x": same}, True, None)[0]
    wrong = np.eye(10)[np.arange(20) % 10]
    labels = (np.arange(20) + 1) % 10
    assert "scaled as in training" in verify.doubts({"x": wrong}, True, labels)[0]
    assert not verify.doubts({"x": wrong}, True, np.arange(20) % 10)
