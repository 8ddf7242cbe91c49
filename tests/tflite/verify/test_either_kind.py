"""A dense layer without an activation gives logits or a regression: a file passes if it is right as either."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.tflite.rewrite.endings import endings
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.outputs import Output, compare_outputs, judged_outputs, notes, with_source

EITHER = Output("logits", or_kind="regression")


def judged(original, answer, output=EITHER):
    comparisons = compare_outputs({"x": original}, {"x": answer}, {"x": output}, {"x": 0.0})
    return (*verdict.judge(comparisons, "int8"), comparisons[0].kind)


def noisy(original, decibels):
    spread = original.std(0)
    return original + np.random.default_rng(1).normal(0, 1, original.shape) * spread * 10 ** (-decibels / 20)


REGRESSIONS = {  # right as numbers; as scores, the higher of two nearly equal numbers changes
    "two coordinates": lambda rng: np.repeat(rng.uniform(0, 100, (200, 1)), 2, 1) + rng.normal(0, 3, (200, 2)),
    "pose": lambda rng: np.repeat(rng.normal(0, 50, (200, 1)), 6, 1) + rng.normal(0, 2, (200, 6)),
    "landmarks": lambda rng: np.repeat(rng.uniform(0, 96, (200, 1)), 10, 1) + rng.normal(0, 2, (200, 10)),
    "left and right": lambda rng: np.repeat(rng.normal(200, 60, (200, 1)), 2, 1) + rng.normal(0, 8, (200, 2)),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_right_regression_passes_and_the_note_says_as_what(name):
    original = REGRESSIONS[name](np.random.default_rng(0))
    answer = noisy(original, 21)
    assert judged(original, answer, Output("logits"))[0] != "pass", "as scores of classes alone it would be refused"
    assert judged(original, answer) == ("pass", (), "regression")
    comparisons = compare_outputs({"x": original}, {"x": answer}, {"x": EITHER}, {"x": 0.0})
    sentences = list(notes({"x": original}, {"x": answer}, {"x": EITHER}, comparisons))
    assert any("compared as regression" in s for s in sentences) and any('outputs="logits"' in s for s in sentences)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_right_scores_of_classes_pass_as_such(classes):
    rng = np.random.default_rng(0)
    original = 12 * np.eye(classes)[rng.integers(0, classes, 200)] + rng.normal(0, 2, (200, classes))
    assert judged(original, noisy(original, 11), Output("regression"))[0] != "pass"
    status, _, kind = judged(original, noisy(original, 11))
    assert (status, kind) == ("pass", "logits")


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_what_is_wrong_as_either_is_refused_with_its_kind_and_the_word_for_another(classes):
    original = np.random.default_rng(0).normal(0, 4, (200, classes))
    for answer in (original[::-1], original[:, ::-1], original * 0):
        status, reasons, _ = judged(original, answer)
        assert status == "fail" and "judged as logits" in reasons[-1] and 'outputs="regression"' in reasons[-1]


@pytest.mark.parametrize("numbers", [(2003, 0.5), (80, 1), (500, 3, 3)])
def test_where_one_number_is_always_the_highest_it_has_to_be_right_as_a_regression(numbers):
    """As scores of classes every picture has the same answer, and a wrong column would not be seen."""
    original = np.random.default_rng(0).normal(numbers, np.asarray(numbers) / 20, (200, len(numbers)))
    assert judged(original, noisy(original, 21))[0] == "pass"
    wrong = np.where(np.arange(len(numbers)) == 1, original.mean(0), original)
    status, reasons, kind = judged(original, wrong)
    assert (status, kind) == ("fail", "regression") and "judged as regression" in reasons[-1]


def test_wrong_as_either_it_is_named_a_regression_where_one_number_is_always_the_highest():
    """So the wrong column is named, also in the comparison with the model before quantization-aware training."""
    original = np.random.default_rng(0).normal((320, 240, 0), (8, 8, 0.2), (200, 3))
    moved = original[:, [1, 0, 2]]
    moved[:, 2] = 0
    status, reasons, kind = judged(original, moved)
    assert (status, kind) == ("fail", "regression") and "columns 0-2" in " ".join(reasons)


def ending(*stack, stated=None):
    from keras_cnns.graph.reader import read

    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), *stack])
    answers = {"x": np.random.default_rng(0).normal(0, 1, (20, model.output_shape[-1]))}
    return endings(read(model), stated), answers


def test_only_a_bare_dense_layer_without_labels_could_be_either():
    endings, answers = ending(layers.Dense(3))
    assert judged_outputs(endings, answers, {})["x"] == EITHER
    assert judged_outputs(endings, answers, {}, np.arange(20) % 3)["x"].or_kind is None
    for stack, stated in (
        ([layers.Dense(3)], "logits"),
        ([layers.Dense(3)], "regression"),
        ([layers.Dense(3, "log_softmax")], None),
        ([layers.Dense(3, "sigmoid")], None),
        ([layers.Dense(1)], None),
    ):
        endings, answers = ending(*stack, stated=stated)
        assert judged_outputs(endings, answers, {}, stated=stated)["x"].or_kind is None, (stack, stated)


def test_temperatures_in_kelvin_are_named_numbers_that_vary_too_little():
    original = np.random.default_rng(0).normal(293, 0.4, (200, 3))
    status, reasons, kind = judged(original, np.rint(original / 1.15) * 1.15)
    assert (status, kind) == ("fail", "regression")
    assert "less than one integer scale can show: predict the difference from the mean" in " ".join(reasons)


@pytest.mark.parametrize(("step", "status"), [(0.01, "pass"), (0.3, "warn"), (1.1, "fail")])
def test_a_column_that_its_scale_makes_worse_is_reported_beside_the_model_before_training(step, status):
    """An age and a probability in one tensor after quantization-aware training."""
    original = np.random.default_rng(0).normal((40, 0.5), (20, 0.14), (200, 2))
    answer = np.rint(original / step) * step
    beside = compare_outputs({"x": original}, {"x": answer}, {"x": Output("regression")}, {"x": 0.0})
    result, reasons = with_source("pass", (), beside)
    assert result == status and ("column 1 of axis 1" in " ".join(reasons)) == (status != "pass")
