"""Initial values: He's distribution, as Keras draws it, only faster."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.blocks.initial import LARGE, he_normal, truncated_normal


def test_the_numbers_are_those_of_keras():
    """Quantiles of a million of each differ by less than a hundredth of the deviation."""
    ours = he_normal((1000, 1000), 3).ravel()
    theirs = np.asarray(keras.initializers.HeNormal(seed=3)((1000, 1000))).ravel()
    shares = np.linspace(0.001, 0.999, 50)
    np.testing.assert_allclose(np.quantile(ours, shares), np.quantile(theirs, shares), atol=0.01 * theirs.std())
    assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < 0.01


def test_a_convolutions_fan_in_counts_its_window():
    kernel = he_normal((3, 3, 64, 256), 0)
    assert kernel.std() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.01)
    assert truncated_normal().std() == pytest.approx(1, rel=1e-6)


def test_neighbours_have_nothing_to_do_with_each_other():
    kernel = he_normal((500, 500), 1)
    assert abs(np.corrcoef(kernel[:, :-1].ravel(), kernel[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(kernel.ravel(), he_normal((500, 500), 2).ravel())[0, 1]) < 0.01


def test_a_seed_gives_the_same_network_and_another_another():
    first, again, other = (weights_of(seed) for seed in (1, 1, 2))
    assert any(w.size > LARGE for w in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True) if a.size > LARGE)


def weights_of(seed):
    keras.utils.set_random_seed(seed)
    return build("resnet18", input_shape=(32, 32, 3), classes=5).get_weights()


def test_two_kernels_of_one_shape_differ():
    model = build("vgg16", include_top=False, input_shape=(32, 32, 3))
    first, second = (model.get_layer(f"conv5_{i}_conv").get_weights()[0] for i in (2, 3))
    assert not np.array_equal(first, second)


def test_what_weights_leave_out_is_drawn(tmp_path):
    """A file for other classes, and one without the fully connected layers, which belong to the head here."""
    shape = {"input_shape": (32, 32, 3)}
    source = build("vgg11", include_top=False, **shape)
    source.save_weights(tmp_path / "vgg11.weights.h5")
    model = build("vgg11", include_top=False, weights=tmp_path / "vgg11.weights.h5", **shape)
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), model.get_weights(), strict=True))
    build("resnet18", classes=3, **shape).save_weights(tmp_path / "resnet18.weights.h5")
    with pytest.warns(UserWarning):
        other = build("resnet18", classes=5, weights=tmp_path / "resnet18.weights.h5", **shape)
    assert all(np.isfinite(w).all() for w in other.get_weights())


def test_the_layers_name_keras_own_initializer():
    model = build("resnet18", input_shape=(32, 32, 3))
    names = {type(layer.kernel_initializer).__name__ for layer in model.layers if hasattr(layer, "kernel_initializer")}
    assert names == {"HeNormal", "GlorotUniform"}
