"""Which matrices of a torch file are taken for the classifier: names of other tasks, no bias, further heads."""

import numpy as np
import pytest

from keras_cnns.registry.registry import entry
from keras_cnns.weights.classifier import adopt

RESNET = entry("resnet18")
KERNEL, BIAS = np.ones((5, 512), "f4"), np.ones(5, "f4")
BELOW = {"conv1_conv/weight": np.ones((64, 3, 7, 7), "f4")}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    "layer",
    ["arcface", "metric_fc", "cosine_head", "margin", "prototypes", "rotation_head", "jigsaw", "domain_classifier"],
)
def test_cosines_and_other_tasks_are_not_logits(layer, inside):
    other = {f"{layer}/weight": KERNEL}
    arrays, has_classifier, taken = adopt(RESNET, RESNET.variant, BELOW | (other if inside else {}), beside=other)
    assert not has_classifier and not taken and "predictions/weight" not in arrays


@pytest.mark.parametrize("layer", ["fc", "logits", "head.fc", "cls_head.fc", "search_head", "archive_classes"])
def test_other_names_of_a_classifier(layer):
    arrays, has_classifier, taken = adopt(RESNET, RESNET.variant, BELOW, beside={f"{layer}/weight": KERNEL})
    assert has_classifier and taken == [layer]
    np.testing.assert_array_equal(arrays["predictions/weight"], KERNEL)
    np.testing.assert_array_equal(arrays["predictions/bias"], np.zeros(5))


def test_a_bias_alone_is_no_classifier():
    _, has_classifier, _ = adopt(RESNET, RESNET.variant, BELOW | {"predictions/bias": BIAS})
    assert not has_classifier


def test_a_convolution_that_scores_classes_without_a_bias():
    network = entry("squeezenet1_1")
    arrays, has_classifier, _ = adopt(network, network.variant, {"predictions/weight": np.ones((5, 512, 1, 1), "f4")})
    assert has_classifier
    np.testing.assert_array_equal(arrays["predictions/bias"], np.zeros(5))
