"""Beside xplique, an independent library of the same methods: `tox -e xplique`."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns import insight
from keras_cnns.insight.sanity import rank_correlation
from keras_cnns.testing import pictures, randomize

xplique = pytest.importorskip("xplique.attributions", reason="xplique lives in an environment of its own")


def network():
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(image)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="last")(x)
    return randomize(keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x))))


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (insight.saliency, "Saliency", {}),
        (insight.guided_backprop, "GuidedBackprop", {}),
        (insight.grad_cam, "GradCAM", {"conv_layer": "last"}),
        (insight.grad_cam_plus_plus, "GradCAMPP", {"conv_layer": "last"}),
        (insight.integrated_gradients, "IntegratedGradients", {"steps": 128}),
    ],
)
def test_the_same_map(ours, theirs, options):
    model, some = network(), pictures(3, (32, 32, 3))
    answers = np.eye(4, dtype="float32")[[1, 2, 3]]
    expected = np.asarray(getattr(xplique, theirs)(model, **options)(some, answers)).reshape(3, 32, 32, -1)
    found = ours(model, some, (1, 2, 3)).reshape(3, 32, 32, -1)
    if found.shape[-1] != expected.shape[-1]:  # theirs: one value a pixel, the largest size or the mean of the colours
        forms = [np.abs(found).max(-1), found.mean(-1), np.abs(found).mean(-1)]
        assert max(rank_correlation(form, expected[..., 0]) for form in forms) > 0.99
    else:
        assert rank_correlation(found, expected) > 0.95  # maps are enlarged by another rule
