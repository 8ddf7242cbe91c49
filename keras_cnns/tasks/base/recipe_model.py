"""The two networks of a recipe: one is trained, and the other one is saved."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnns.builder import build as build_network
from keras_cnns.data.classes import current
from keras_cnns.graph.hold_statistics import hold_statistics
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.types import Recipe


def build(recipe: Recipe, classes: int, activation: str = "softmax") -> keras.Model:
    """The network of `recipe` that is saved and exported: it returns probabilities, in float32.

    activation: of the classifier. It has no auxiliary classifiers, which are for training only.
    """
    overrides = {name: value for name, value in recipe.overrides.items() if name != "auxiliary"}
    with precision("float32"):
        return _build(recipe.but(overrides=overrides), classes, activation)


def build_for_training(recipe: Recipe, classes: int) -> keras.Model:
    """The network of `recipe` that is trained: it returns logits, in the recipe's precision, with its frozen layers.

    Where the recipe has `sizes`, it takes pictures of any size. Call inside the strategy's scope.
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


def freeze(model: keras.Model, recipe: Recipe) -> None:
    """Makes layers untrainable: their weights stay, and their batch normalization is in inference mode.

    "features": all but the classifier. "until:NAME": all up to the last layer whose name starts with NAME.
    """
    names = [layer.name for layer in model.layers]
    if recipe.freeze == "features":
        levels = _build(recipe.but(weights=None), None, None, features_only=True)
        below = {layer.name for layer in levels.layers}  # the preprocessing of the weights may have other layers
        last = max(i for i, name in enumerate(names) if name in below)
    else:
        start = recipe.freeze.removeprefix("until:")
        positions = [i for i, name in enumerate(names) if name.startswith(start)]
        if not start or start == recipe.freeze or not positions:
            raise BadArgument(
                f"freeze is {recipe.freeze!r}: give 'features', or 'until:' and the start of a layer's name."
            )
        last = positions[-1]
    for layer in model.layers[: last + 1]:
        layer.trainable = False


def transfer(variables: Sequence[keras.Variable], values: Sequence[np.ndarray], model: keras.Model) -> None:
    """Sets the weights of `model` to the values of the variables with the same paths."""
    by_path = {variable.path: value for variable, value in zip(variables, values, strict=True)}
    model.set_weights([by_path[weight.path] for weight in model.weights])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with constants derived from its weights


def knows_other_classes(weights: str | os.PathLike[str] | None, names: Sequence) -> bool:
    """Whether `weights` is a model file with labels other than these names in this order."""
    labels = read_card(weights).labels if weights and Path(weights).is_file() else ()
    return bool(labels) and current(labels) != current(names)


def renew_scores(model: keras.Model) -> None:
    """Gives the classifier new initial weights, with a warning, because its weights are for other classes."""
    scores = [layer for layer in model.layers if layer.name.startswith("predictions") and layer.weights]
    for layer in scores:
        fresh = type(layer).from_config(layer.get_config())
        fresh.build(layer.input.shape)
        layer.set_weights(fresh.get_weights())
    if scores:
        warnings.warn(
            "the weights belong to a network for other classes: the classifier gets new initial weights.", stacklevel=3
        )


def _build(recipe: Recipe, classes: int | None, activation: str | None, **more: Any) -> keras.Model:
    how = {"weights": recipe.weights, "input_shape": recipe.input_shape, "classes": classes, **more}
    return build_network(
        recipe.model, classifier_activation=activation, include_preprocessing=True, **how, **recipe.overrides
    )


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers created inside have the dtype policy `policy`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
