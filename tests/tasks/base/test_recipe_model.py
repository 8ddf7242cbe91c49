"""The network under training and the saved one: frozen layers, statistics, transfer."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tasks.base import recipe_model
from keras_cnns.testing import pictures, randomize
from keras_cnns.training import Recipe

BASE = Recipe(model="resnet20_cifar", overrides={"n": 1}, input_shape=(16, 16, 3))
PICTURES = pictures(4, (16, 16, 3), high=255.0)


def test_training_answers_logits_and_the_clean_network_their_probabilities():
    trained, clean = randomize(recipe_model.build_for_training(BASE, 7)), recipe_model.build(BASE, 7)
    recipe_model.transfer(trained.weights, [w.numpy() for w in trained.weights], clean)
    logits = trained(PICTURES, training=False).numpy()
    np.testing.assert_allclose(clean(PICTURES), keras.ops.softmax(logits), atol=1e-6)
    assert np.ptp(logits) > 0.5


def test_auxiliary_classifiers_are_not_handed_over():
    recipe = Recipe(model="googlenet", overrides={"auxiliary": True}, input_shape=(96, 96, 3))
    trained, clean = recipe_model.build_for_training(recipe, 3), recipe_model.build(recipe, 3)
    assert len(trained.outputs) == 3 and len(clean.outputs) == 1
    recipe_model.transfer(trained.weights, [w.numpy() for w in trained.weights], clean)


def test_statistics_follow_as_fast_as_the_recipe_says():
    def momenta(recipe):
        model = recipe_model.build_for_training(recipe, 7)
        return {la.momentum for la in model.layers if isinstance(la, keras.layers.BatchNormalization)}

    assert momenta(BASE.but(batch_norm_momentum=0.7)) == {0.7}
    assert momenta(BASE) == {0.9}  # the network's own


def test_frozen_features_leave_the_classifier():
    model = recipe_model.build_for_training(BASE.but(freeze="features"), 7)
    assert {v.path for v in model.trainable_variables} == {"predictions/kernel", "predictions/bias"}


def test_frozen_until_a_stage():
    model = recipe_model.build_for_training(BASE.but(freeze="until:conv3"), 7)
    left = {v.path.split("_")[0] for v in model.trainable_variables}
    assert left == {"conv4", "predictions/kernel", "predictions/bias"}


def test_frozen_batch_norm_uses_and_keeps_its_statistics():
    model = randomize(recipe_model.build_for_training(BASE.but(freeze="features"), 7))
    before = [w.numpy().copy() for w in model.weights]
    np.testing.assert_allclose(model(PICTURES, training=True), model(PICTURES, training=False), atol=1e-5)
    assert all(np.array_equal(b, w.numpy()) for b, w in zip(before, model.weights, strict=True))


def test_held_batch_norm_learns_its_gain_and_keeps_its_statistics():
    model = randomize(recipe_model.build_for_training(BASE.but(hold_statistics=True), 7))
    norm = next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    before = norm.get_weights()
    model.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=False)
    model.fit(PICTURES, np.zeros((4, 7)), verbose=0)
    assert [np.array_equal(a, b) for a, b in zip(before, norm.get_weights(), strict=True)] == [False, False, True, True]
    clean = recipe_model.build(BASE, 7)  # what is saved has Keras's own layer
    recipe_model.transfer(model.weights, model.get_weights(), clean)
    assert type(clean.get_layer(norm.name)) is keras.layers.BatchNormalization


@pytest.mark.parametrize("freeze", ["until:conv9", "conv3", "until:"])
def test_what_cannot_be_frozen_is_refused(freeze):
    with pytest.raises(UserError, match="freeze"):
        recipe_model.build_for_training(BASE.but(freeze=freeze), 7)


def test_sixteen_bits_inside_thirty_two_outside():
    model = recipe_model.build_for_training(BASE.but(precision="mixed_bfloat16"), 7)
    assert model.get_layer("conv1_conv").compute_dtype == "bfloat16"
    assert model.get_layer("conv1_conv").kernel.dtype == "float32"
    assert recipe_model.build(BASE, 7).get_layer("conv1_conv").compute_dtype == "float32"


def test_starts_from_the_weights_of_a_file_with_other_classes(tmp_path):
    source = randomize(recipe_model.build(BASE, 7))
    source.save(tmp_path / "w.keras")
    with pytest.warns(UserWarning):
        model = recipe_model.build_for_training(BASE.but(weights=str(tmp_path / "w.keras")), 5)
    np.testing.assert_array_equal(model.get_layer("conv1_conv").kernel, source.get_layer("conv1_conv").kernel)
    assert model.output_shape == (None, 5)


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_the_global_policy_has_no_say(policy):
    with recipe_model.precision(policy):
        trained, clean = recipe_model.build_for_training(BASE, 3), recipe_model.build(BASE, 3)
        assert keras.config.dtype_policy().name == policy
    for model in (trained, clean):
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
