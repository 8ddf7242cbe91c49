"""Warnings about a data set's classes."""

from types import SimpleNamespace

import numpy as np
import pytest

from keras_cnns.data.classes import difference, unbalanced


@pytest.mark.parametrize(
    ("names", "labels", "message"),
    [
        (("cat",), [0, 0, 0], "there is only one class, cat"),
        (("cat", "dog"), [1] * 99 + [0], "99 of 100 training pictures are of one class, dog"),
        (("cat", "dog"), [1] * 99 + [0, -1, -1], "99 of 100 training pictures"),  # -1: no label is known
    ],
)
def test_one_class_and_nearly_one_are_warned_of(names, labels, message):
    assert message in unbalanced(SimpleNamespace(names=names, labels=np.array(labels)))


def test_several_classes_and_unknown_labels_get_no_warning():
    for labels in (np.array([0, 1, 1, 1]), None):
        assert unbalanced(SimpleNamespace(names=("cat", "dog"), labels=labels)) is None


def test_the_difference_of_two_lists_of_classes_is_described():
    assert difference(["a", "b"], ["b", "c"]) == "2 there and 2 here, a only there, c only here"
    assert difference(["a", "b"], ["b", "a"]) == "the same in another order, a, b and b, a"
