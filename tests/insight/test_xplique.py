"""Beside xplique, an independent library of the same methods: `tox -e xplique`."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns import insight
from keras_cnns.insight.sanity import rank_correlation
from keras_cnns.testing import pictures, randomize

xplique = pytest.importorskip("xplique.attributions", reason="xplique lives in an environment of its own")


@pytest.fixture
def network():
    """Its last maps have the size of the picture: they are enlarged by other rules there and here."""
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(image)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="last")(x)
    return randomize(keras.Model(image, layers.Dense(4)(layers.Flatten()(layers.MaxPooling2D(4)(x)))))


def both(ours, theirs, model, options):
    images, answers = pictures(3, (32, 32, 3)), np.eye(4, dtype="float32")[[1, 2, 3]]
    expected = np.asarray(theirs(model, **options)(images, answers)).reshape(3, 32, 32, -1)
    return ours(model, images, (1, 2, 3)).reshape(3, 32, 32, -1), expected


def test_grad_cam(network):
    actual, expected = both(partial(insight.grad_cam, layer="last"), xplique.GradCAM, network, {"conv_layer": "last"})
    np.testing.assert_allclose(actual, expected, atol=1e-5 * expected.max())


def test_grad_cam_plus_plus(network):
    """Theirs divides by the mean of a map where the paper's equation 19 has its sum; here it is given the sum."""

    class AsInThePaper(xplique.GradCAMPP):
        @staticmethod
        def _compute_weights(gradients, maps):
            return xplique.GradCAMPP._compute_weights(gradients, maps * 32 * 32)

    actual, expected = both(
        partial(insight.grad_cam_plus_plus, layer="last"), AsInThePaper, network, {"conv_layer": "last"}
    )
    assert rank_correlation(actual, expected) > 0.999


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (insight.saliency, "Saliency", {}),
        (insight.guided_backprop, "GuidedBackprop", {}),
        (insight.integrated_gradients, "IntegratedGradients", {"steps": 128}),
    ],
)
def test_gradients_by_the_picture(ours, theirs, options, network):
    """Theirs is one value a pixel: the largest size or the mean of the colours."""
    actual, expected = both(ours, getattr(xplique, theirs), network, options)
    forms = [np.abs(actual).max(-1), actual.mean(-1), np.abs(actual).mean(-1)]
    assert max(rank_correlation(form, expected[..., 0]) for form in forms) > 0.99
