"""The network under training, and the clean one that is handed over."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import keras

from keras_cnns.builder import build as build_network
from keras_cnns.data.classes import current
from keras_cnns.graph.hold_statistics import hold_statistics
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError


def build(recipe, classes):
    """The network of `recipe`, answering probabilities, on one device, in float32: what is saved and exported.

    Auxiliary classifiers, which exist for training only, are left out.
    """
    overrides = {name: value for name, value in recipe.overrides.items() if name != "auxiliary"}
    with precision("float32"):
        return _build(recipe.but(overrides=overrides), classes, "softmax")


def build_for_training(recipe, classes):
    """The same network answering logits, with the recipe's precision, frozen layers and synchronized statistics; where
    the recipe has `sizes`, for pictures of any.

    Call inside the strategy's scope.
    """
    any_size = {"input_shape": (None, None, recipe.input_shape[2])} if recipe.sizes else {}
    with precision(recipe.precision):
        model = _build(recipe, classes, None, **any_size)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = recipe.sync_batch_norm
            layer.momentum = recipe.batch_norm_momentum or layer.momentum
    if recipe.hold_statistics:
        hold_statistics(model)
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
        below = {layer.name for layer in levels.layers}  # the weights' own preprocessing may have other layers
        last = max(i for i, name in enumerate(names) if name in below)
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


def knows_other_classes(weights, names):
    """Whether `weights` is a model file whose labels are not these names in this order."""
    labels = read_card(weights).labels if weights and Path(weights).is_file() else ()
    return bool(labels) and current(labels) != current(names)


def renew_scores(model):
    """Gives the layer of the class scores initial weights: those it has are for other classes. A warning says so."""
    scores = [layer for layer in model.layers if layer.name.startswith("predictions") and layer.weights]
    for layer in scores:
        fresh = type(layer).from_config(layer.get_config())
        fresh.build(layer.input.shape)
        layer.set_weights(fresh.get_weights())
    if scores:
        warnings.warn("the weights are of a network for other classes: its class scores start anew.", stacklevel=3)


def _build(recipe, classes, activation, **more):
    how = {"weights": recipe.weights, "input_shape": recipe.input_shape, "classes": classes, **more}
    return build_network(
        recipe.model, classifier_activation=activation, include_preprocessing=True, **how, **recipe.overrides
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
