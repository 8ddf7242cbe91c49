"""The network under training, and the clean one that is handed over."""

from contextlib import contextmanager

import keras

from keras_cnns.builder import build as build_network
from keras_cnns.errors import UserError


def build(recipe, classes):
    """The network of `recipe`, answering probabilities, on one device, in float32: what is saved and exported.

    Auxiliary classifiers, which exist for training only, are left out.
    """
    overrides = {name: value for name, value in recipe.overrides.items() if name != "auxiliary"}
    return _build(recipe.but(overrides=overrides), classes, "softmax")


def build_for_training(recipe, classes):
    """The same network answering logits, with the recipe's precision, frozen layers and synchronized statistics.

    Call inside the strategy's scope.
    """
    with precision(recipe.precision):
        model = _build(recipe, classes, None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = recipe.sync_batch_norm
            layer.momentum = recipe.batch_norm_momentum or layer.momentum
    if recipe.freeze:
        freeze(model, recipe)
    return model


def freeze(model, recipe):
    """Makes layers untrainable: their weights stay, and their batch normalization is in inference mode.

    "features": all but the classifier. "until:NAME": all up to the last layer whose name starts with NAME.
    """
    names = [layer.name for layer in model.layers]
    if recipe.freeze == "features":
        levels = _build(recipe.but(weights=None), None, None, features_only=True)
        last = max(names.index(layer.name) for layer in levels.layers)
    else:
        start = recipe.freeze.removeprefix("until:")
        found = [i for i, name in enumerate(names) if name.startswith(start)]
        if not start or start == recipe.freeze or not found:
            raise UserError(f"freeze {recipe.freeze!r}: 'features', or 'until:' and the start of a layer's name.")
        last = found[-1]
    for layer in model.layers[: last + 1]:
        layer.trainable = False


def transfer(variables, values, model):
    """Gives the weights of `model` the values of the variables that have the same path."""
    by_path = {variable.path: value for variable, value in zip(variables, values, strict=True)}
    model.set_weights([by_path[weight.path] for weight in model.weights])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with constants made from its weights


def _build(recipe, classes, activation, **more):
    return build_network(
        recipe.model,
        weights=recipe.weights,
        input_shape=recipe.input_shape,
        classes=classes,
        classifier_activation=activation,
        include_preprocessing=True,
        **more,
        **recipe.overrides,
    )


@contextmanager
def precision(policy):
    """Layers made inside compute with `policy`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
