"""Metrics against scikit-learn and counting by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score, top_k_accuracy_score

from keras_cnns.tasks.classification.measures import measure

RNG = np.random.default_rng(1)
P = RNG.dirichlet(np.ones(8) * 0.3, 200)
Y = np.where(RNG.random(200) < 0.5, P.argmax(1), RNG.integers(0, 7, 200))  # class 7 is rare


def test_equals_scikit_learn():
    m, predicted = measure(Y, P, "abcdefgh"), P.argmax(1)
    assert m["examples"] == 200
    assert m["accuracy"] == pytest.approx((predicted == Y).mean())
    assert m["top1_error"] == pytest.approx(1 - m["accuracy"])
    assert m["top5_error"] == pytest.approx(1 - top_k_accuracy_score(Y, P, k=5, labels=range(8)))
    assert m["loss"] == pytest.approx(log_loss(Y, P, labels=range(8)))
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        each = score(Y, predicted, labels=range(8), average=None, zero_division=0)
        assert m["macro"][name] == pytest.approx(each.mean())
        np.testing.assert_allclose([m["classes"][c][name] for c in "abcdefgh"], each)
    assert np.array(m["confusion"]).sum() == 200 and m["confusion"][2][2] == ((predicted == 2) & (Y == 2)).sum()


def test_a_class_that_never_occurs_counts_as_zero():
    m = measure([0, 1], np.eye(3)[:2])
    assert m["classes"]["2"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert m["accuracy"] == 1.0


def test_an_answer_that_is_no_number_is_wrong():
    m = measure([0, 1], [[np.nan] * 7, np.eye(7)[1]])
    assert m["accuracy"] == 0.5 and m["top5_error"] == 0.5


def test_ties_count_against_the_true_class():
    assert measure([3], [[1 / 7] * 7])["top5_error"] == 1.0
