"""The figures by which a file is judged, against cases whose answers are known."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite.verify import float_answers as answering
from keras_cnns.tflite.verify import verdict as verify
from keras_cnns.tflite.verify.compare import by_labels, compare, doubts
from keras_cnns.tflite.verify.float_answers import at_once, float_answers


def softmax(logits):
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(0, 4, (400, 10))


def test_equal_answers_are_perfect(logits):
    result = compare("x", logits, logits, kind="logits")
    assert (result.cosine, result.agreement, result.largest_difference, result.expected_loss) == (1, 1, 0, 0)
    assert result.snr_db == 200 and result.judge("float32") == ("pass", ())


def test_noise_of_a_tenth_is_twenty_decibels(logits):
    noise = np.random.default_rng(1).normal(0, 0.4, logits.shape)
    result = compare("x", logits, logits + noise)
    assert result.snr_db == pytest.approx(20, abs=0.3)
    assert result.cosine == pytest.approx(1 / np.sqrt(1.01), abs=1e-3)
    assert result.error == pytest.approx(0.1, abs=0.01)


def test_probabilities_are_compared_as_the_logits_behind_them(logits):
    noise = np.random.default_rng(1).normal(0, 0.4, logits.shape)
    through = compare("x", softmax(logits), softmax(logits + noise), kind="classifier")
    centred = [v - v.mean(-1, keepdims=True) for v in (logits, logits + noise)]
    assert through.snr_db == pytest.approx(compare("x", *centred).snr_db, abs=1e-6)


def test_the_step_of_an_integer_output_is_forgiven(logits):
    scores = softmax(logits)
    rounded = np.rint(scores * 256) / 256
    assert compare("x", scores, rounded, kind="classifier").snr_db < 12
    assert compare("x", scores, rounded, kind="classifier", scale=1 / 256).snr_db > 25


def test_what_another_choice_gives_away():
    """Four pictures; the file changes its mind on one the original was split over, and on one it was sure of."""
    original = np.array([[0.9, 0.1], [0.51, 0.49], [0.2, 0.8], [0.95, 0.05]])
    answer = np.array([[0.9, 0.1], [0.49, 0.51], [0.2, 0.8], [0.05, 0.95]])
    result = compare("x", original, answer, kind="classifier")
    assert result.expected_loss == pytest.approx((0.02 + 0.9) / 4)
    assert result.agreement == 0.5 and result.judge("int8")[0] == "fail"


def test_many_flips_between_equal_scores_pass():
    """A thousand classes, the two best nearly equal: a third get the other one, and the expected loss is small."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1, (300, 1000))
    best = np.argsort(scores, -1)
    scores[np.arange(300), best[:, -1]] = 8.02
    scores[np.arange(300), best[:, -2]] = 8.0
    actual = compare("x", scores, scores + rng.normal(0, 0.03, scores.shape), kind="logits")
    assert actual.agreement < 0.8 and actual.judge("int8")[0] == "pass"


@pytest.mark.parametrize(("count", "verdict"), [(100, None), (4000, "fail")])
def test_a_drop_is_one_when_the_labels_show_it(count, verdict):
    """Right 90 % before and 86 % after, one in ten the other way: 100 pictures cannot tell, 4,000 can."""
    before = np.arange(count) % 100 < 90
    after = before ^ (np.arange(count) % 100 < 5) ^ (np.arange(count) % 100 == 95)
    figures = by_labels(before.astype(float), after.astype(float))
    result = verify.Comparison("x", "logits", **figures)
    assert result.accuracy_drop == pytest.approx(0.04)
    assert (result.judge("int8")[0] if result.drop_low > 0 else None) == verdict
    assert result.drop_low < 0.04 < result.drop_high and result.pictures_needed > 1000


def test_labels_that_exclude_a_drop_outweigh_the_loss():
    even = {"accuracy": 0.8, "original_accuracy": 0.8, "drop_low": -0.01, "drop_high": 0.01, "pictures_needed": 2000}
    assert verify.Comparison("x", "logits", expected_loss=0.06, **even).judge("int8")[0] == "pass"
    assert verify.Comparison("x", "logits", expected_loss=0.06, **{**even, "drop_high": 0.1}).judge("int8")[0] == "fail"


def test_several_labels_at_once():
    """Flips at the threshold weigh little; losing all the rare yeses is a failure, though most decisions stay."""
    sure = np.where(np.random.default_rng(0).random((200, 40)) < 0.04, 0.95, 0.03)
    near = sure.copy()
    near[:, 0] = 0.505
    flipped = near.copy()
    flipped[:, 0] = 0.495
    assert compare("x", near, flipped, kind="multilabel").judge("int8")[0] == "pass"
    silent = compare("x", sure, np.full_like(sure, 0.03), kind="multilabel")
    assert silent.agreement > 0.95 and silent.judge("int8")[0] == "fail"


def test_maps_of_classes():
    """A class that is rare in the pictures and gone in the file is seen in the overlap."""
    scores = np.zeros((2, 20, 20, 3))
    scores[..., 0] = 9
    scores[:, :4, :5, 1] = 18
    gone = scores.copy()
    gone[..., 1] = 0
    assert compare("x", scores, scores, kind="segmentation").overlap == 1
    assert compare("x", scores, gone, kind="segmentation").judge("int8")[0] == "fail"


def test_whole_numbers_are_judged_by_the_scores_behind_them():
    scores = np.array([[0.5, 0.49, 0.01], [0.01, 0.01, 0.98]] * 20)
    answer = np.array([1, 2] * 20)
    result = compare("x", scores.argmax(-1), answer, kind="classes", scores=scores)
    assert result.agreement == 0.5 and result.expected_loss == pytest.approx(0.005)
    assert compare("x", scores.argmax(-1), answer, kind="classes").judge("int8")[0] == "fail"


def test_answers_that_are_no_numbers_fail():
    assert compare("x", np.ones((2, 3)), np.full((2, 3), np.nan)).judge("int8")[0] == "fail"


def test_numbers_that_hardly_change_are_measured_by_what_they_are():
    steady = 40 + np.random.default_rng(0).normal(0, 0.01, (50, 4))
    assert compare("x", steady, steady + 0.1).judge("int8")[0] == "pass"
    assert compare("x", steady, steady + 20).judge("int8")[0] == "fail"


def test_float32_has_nothing_to_lose():
    close = verify.Comparison("x", largest_difference=2e-3, error=0.01)
    assert close.judge("int8")[0] == "pass" and close.judge("float32")[0] == "fail"


def test_doubts():
    same = np.tile([0.9, 0.05, 0.05], (8, 1))
    assert "same class" in doubts(same, "classifier", None)[0]
    wrong = np.eye(10)[np.arange(20) % 10]
    labels = (np.arange(20) + 1) % 10
    assert "scaled as in training" in doubts(wrong, "classifier", labels)[0]
    assert not doubts(wrong, "classifier", np.arange(20) % 10)


def eights(values):
    """Rounded as an int8 output rounds them, whose range holds zero."""
    step = (max(values.max(), 0) - min(values.min(), 0)) / 255
    return np.rint(values / step) * step


NUMBERS = {
    "an age and a share": lambda rng: np.stack([rng.uniform(0, 80, 300), rng.uniform(0, 1, 300)], 1),
    "kelvins": lambda rng: rng.normal(290, 5, (300, 1)),
    "years, one number each": lambda rng: rng.normal(2000, 12, 300),
    "pixels and angles": lambda rng: np.concatenate([rng.uniform(0, 500, (300, 2)), rng.normal(0, 2, (300, 3))], 1),
    "large": lambda rng: rng.normal(0, 1e6, (300, 1)) + 3e6,
    "small": lambda rng: rng.normal(0, 1e-6, (300, 1)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_no_longer_follow_the_picture_fail(name):
    """Each of them counts, however small beside the others, and whatever it is added to."""
    original = NUMBERS[name](np.random.default_rng(0))
    assert compare("x", original, eights(original)).judge("int8")[0] == "pass"
    wide = original.reshape(300, -1)
    for column in range(wide.shape[1]):
        for wrong in (wide[:, column].mean(), wide[::-1, column]):
            answer = wide.copy()
            answer[:, column] = wrong
            result = compare("x", original, answer.reshape(original.shape))
            assert result.judge("int8")[0] == "fail" and result.correlation < 0.4, column


def test_a_number_that_never_changes_and_few_pictures_pass():
    rng = np.random.default_rng(0)
    changing = rng.normal(0, 1, (300, 1))
    for constant in (0.0, 3.0):
        original = np.concatenate([changing, np.full((300, 1), constant)], 1)
        assert compare("x", original, eights(original)).judge("int8")[0] == "pass"
    alike = np.repeat(changing[:1], 30, 0)
    assert compare("x", alike, alike * 1.01).judge("int8") == ("pass", ())
    assert compare("x", alike, alike * 0.5).judge("int8")[0] == "fail"
    for few in (1, 2, 5):
        assert compare("x", changing[:few], changing[:few] * 1.01).correlation is None


def test_embeddings_that_are_all_the_same_fail_though_they_point_the_same_way():
    rng = np.random.default_rng(0)
    original = rng.normal(0, 0.2, (300, 64)) + rng.normal(0, 1, 64)
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)  # noqa: E731
    original = unit(original)
    judged = lambda answer: compare("x", original, answer, kind="embedding").judge("int8")[0]  # noqa: E731
    assert judged(unit(original + rng.normal(0, 0.005, original.shape))) == "pass"
    assert judged(np.repeat(unit(original.mean(0, keepdims=True)), 300, 0)) == "fail"
    assert judged(original[::-1]) == "fail"


@pytest.mark.parametrize("sure", [0.3, 0.7])
def test_labels_that_are_never_decided_otherwise_are_judged_by_their_probabilities(sure):
    """Below one half on every picture, or above it: nothing can flip, and yet every answer can be wrong."""
    rng = np.random.default_rng(0)
    original = (sure > 0.5) + (0.5 - abs(sure - 0.5)) * rng.uniform(0, 1, (300, 4)) * (1 if sure < 0.5 else -1)
    judged = lambda answer: compare("x", original, answer, kind="multilabel", scale=1 / 256).judge("int8")[0]  # noqa: E731
    assert judged(np.rint(original * 256) / 256) == "pass"
    for wrong in (np.full_like(original, round(sure)), original[::-1], np.full_like(original, original.mean())):
        assert judged(wrong) == "fail"
    hardly = rng.uniform(0, 1e-3, (300, 4))
    assert compare("x", hardly, hardly * 0, kind="multilabel", scale=1 / 256).judge("int8")[0] == "pass"


@pytest.mark.parametrize("kind", ["regression", "classifier", "logits", "multilabel", "embedding"])
def test_pictures_without_an_answer_are_left_aside_where_both_have_none(logits, kind):
    original = softmax(logits) if kind == "classifier" else logits
    original[3:6, 2] = np.nan
    labels = logits.argmax(-1) if kind in ("classifier", "logits") else None
    result = compare("x", original, original, kind=kind, labels=labels)
    assert result.judge("float32") == ("pass", ()) and result.finite
    assert doubts(original, kind, None)[0] == ("the original answers NaN on 3 of 400 pictures: they are not counted")
    for answer in (np.nan_to_num(original), np.where(np.arange(400)[:, None] == 9, np.nan, original)):
        assert compare("x", original, answer, kind=kind, labels=labels).judge("int8")[0] == "fail"
    assert not compare("x", original * np.nan, original * np.nan, kind=kind).finite


def test_classes_masked_by_infinity_are_no_noise(logits):
    masked = np.where(np.arange(10) == 3, -np.inf, logits)
    noise = np.random.default_rng(1).normal(0, 0.1, logits.shape)
    assert compare("x", masked, masked + noise, kind="logits").judge("int8") == ("pass", ())
    assert compare("x", masked, masked[::-1], kind="logits").judge("int8")[0] == "fail"
    assert compare("x", masked, logits, kind="logits").judge("int8")[0] == "fail"


@pytest.mark.parametrize(("boxes", "count"), [(1, 32), (200, 13), (1000, 2), (10**6, 1)])
def test_fewer_pictures_at_once_where_a_layers_output_is_very_large(boxes, count):
    """Such as the pooling of a thousand boxes, 7 x 7 x 256 floats each."""
    image = keras.Input((boxes, 7, 7, 256))
    assert at_once(keras.Model(image, keras.layers.Activation("relu")(image))) == count


def test_answers_do_not_depend_on_the_batch(monkeypatch):
    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    images = {"image": np.random.default_rng(0).normal(size=(7, 4, 4, 1)).astype("float32")}
    (expected,) = float_answers(model, images).values()
    monkeypatch.setattr(answering, "AT_ONCE", 3)
    (actual,) = float_answers(model, images).values()
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    np.testing.assert_allclose(actual, model(images["image"]), atol=1e-6)
