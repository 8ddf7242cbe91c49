"""Held statistics magnify small kernels, which are brought to variance 1 before a training; all computes the same."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_cnns
from keras_cnns.layers.held_normalization import hold
from keras_cnns.testing import pictures, randomize
from keras_cnns.training import Recipe, network
from keras_cnns.training.unit_variance import to_unit_variance
from tests import small_kernels
from tests.small_kernels import LINEAR, X, Y

SIZE = (32, 32, 3)
NETWORKS = {  # and whether its batch normalization is behind convolutions
    "resnet20_cifar": ({"n": 1}, "all"),
    "efficientnet_lite0": ({"width": 0.25, "depth": 0.3}, "all"),
    "resnext50_32x4d": ({"depths": (1, 1, 1, 1), "widths": (64, 64, 64, 64)}, "all"),  # groups, trained side by side
    "densenet_bc_100_12_cifar": (
        {"depths": (2, 2, 2)},
        "some",
    ),  # most of its normalization is not behind a convolution
    "bit_r50x1": ({"depths": (1, 1, 1, 1), "widths": (32, 32, 32, 32)}, "none"),  # its kernels are standardized
}


def built(name, **more):
    overrides, _ = NETWORKS[name]
    return small(randomize(keras_cnns.build(name, input_shape=SIZE, classes=5, **overrides, **more)))


def small(model):
    """The same with variances of less than 1, as weight decay leaves them."""
    for variance in variances(model):
        variance.assign(0.3 * variance)
    return model


def variances(model):
    return [layer.moving_variance for layer in model._flatten_layers() if hasattr(layer, "moving_variance")]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_computes_what_it_did(name):
    model, x = built(name), pictures(4, SIZE)
    before, norms = model.predict(x, verbose=0), [np.array(v) for v in variances(model)]
    to_unit_variance(hold(model))
    changed = [not np.array_equal(a, b) for a, b in zip(norms, variances(model), strict=True)]
    assert {"all": all(changed), "some": any(changed), "none": not any(changed)}[NETWORKS[name][1]]
    np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-3, atol=1e-5)


def trained_on(kind, small):
    model = to_unit_variance(hold(small_kernels.network(kind, small)))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, 16, epochs=2, shuffle=False, verbose=0)
    return model.predict(X, verbose=0)


@pytest.mark.parametrize("kind", LINEAR)
def test_training_moves_a_small_kernel_no_further(kind):
    before, further = small_kernels.network(kind, 1.0).predict(X, verbose=0), trained_on(kind, 1.0)
    assert np.abs(trained_on(kind, 0.1) - further).mean() < 0.02 * np.abs(further - before).mean()


def held(end, *, twice=False, **kinds):
    """A convolution `conv` and its normalization `norm`; `end` makes the outputs of what each gives."""
    image = keras.Input((6, 6, 3))
    conv = layers.Conv2D(4, 3, name="conv", **kinds.get("conv", {}))
    norm = layers.BatchNormalization(name="norm", **kinds.get("norm", {}))
    x = conv(image)
    outputs = end(x, norm(x))
    if twice:
        outputs = [outputs, norm(conv(layers.Rescaling(2.0)(image)))]
    return hold(small(randomize(keras.Model(image, outputs))))


LEFT = {
    "an activation is fused": lambda: held(lambda x, y: y, conv={"activation": "relu"}),
    "its results go elsewhere too": lambda: held(lambda x, y: layers.Add()([x, y])),
    "its results are an output": lambda: held(lambda x, y: [x, y]),
    "both are called twice": lambda: held(lambda x, y: y, twice=True),
    "the kernel is bound": lambda: held(lambda x, y: y, conv={"kernel_constraint": "max_norm"}),
    "the convolution is frozen": lambda: held(lambda x, y: y, conv={"trainable": False}),
    "the normalization is frozen": lambda: held(lambda x, y: y, norm={"trainable": False}),
    "the normalization is of rows": lambda: held(lambda x, y: y, norm={"axis": 1}),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_would_compute_something_else_is_left(case):
    model = LEFT[case]()
    before = model.get_weights()
    to_unit_variance(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_and_the_plain_pair_is_not_left_nested_or_not():
    plain = held(lambda x, y: y)
    image = keras.Input((6, 6, 3))
    for model in (plain, keras.Model(image, held(lambda x, y: y)(image)), keras.Sequential([held(lambda x, y: y)])):
        x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
        before = model.predict(x, verbose=0)
        to_unit_variance(model)
        assert all(np.allclose(v, 1, atol=2e-3) for v in variances(model))
        np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-4, atol=1e-5)


def test_a_larger_kernel_is_made_no_smaller():
    model = held(lambda x, y: y)
    norm, kernel = model.get_layer("norm"), model.get_layer("conv").kernel.numpy()
    norm.moving_variance.assign([0.25, 1.0, 4.0, 100.0])
    to_unit_variance(model)
    np.testing.assert_allclose(norm.moving_variance, [1.0, 1.0, 4.0, 100.0], atol=2e-3)
    np.testing.assert_allclose(model.get_layer("conv").kernel / kernel, np.full((3, 3, 3, 4), [2, 1, 1, 1]), atol=4e-3)


def test_a_recipe_that_holds_them_hands_over_the_same_answers(tmp_path):
    made = built("resnet20_cifar")
    made.save(tmp_path / "given.keras")
    recipe = Recipe(
        model="resnet20_cifar",
        overrides={"n": 1},
        weights=str(tmp_path / "given.keras"),
        input_shape=SIZE,
        hold_statistics=True,
    )
    trained = network.build_for_training(recipe, 5)
    assert any(np.allclose(v, 1, atol=2e-3) for v in variances(trained))
    clean = network.build(recipe, 5)
    network.transfer(trained.weights, trained.get_weights(), clean)
    np.testing.assert_allclose(
        clean.predict(pictures(4, SIZE), verbose=0),
        keras.ops.softmax(trained(pictures(4, SIZE), training=True)),
        atol=1e-5,
    )
