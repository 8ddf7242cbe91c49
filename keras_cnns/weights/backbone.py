"""A classifier's weights for a network that stands on it: its stages, its dense layers as convolutions too."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import backbone, entry
from keras_cnns.support.lazy_imports import keras

HEADS = ("score", "class_scores")  # what the layers of our larger networks are called that tell classes


@dataclass(frozen=True)
class OfBackbone:
    """A set of weights (`load.Weights`) for what the network called `name` stands on."""

    name: str
    base: Any
    labels: tuple = ()

    def columns(self, net, said=()) -> dict:
        """The columns of the backbone's row that come with its weights, joined with those that the row changes."""
        return {"columns": self.base.columns(backbone(net).variant, net.columns) | net.columns}

    def choices(self):
        return [{}]

    def classes(self):
        return None

    def pixels(self):
        return self.base.pixels()

    def told(self, net, include_preprocessing, said=()):
        self.base.told(backbone(net).variant, include_preprocessing, net.columns)

    def into(self, model, net=None):
        """Gives `model` all that the classifier has too; the rest starts anew, and a warning says so."""
        net = net or entry(self.name).variant
        found = backbone(net)
        # the classifier itself, in the size that its fully connected layers are for
        options = {"classes": self.base.classes(), "include_preprocessing": True, "drawn": False}
        theirs = assemble(found, found.variant, input_shape=found.variant.input_shape, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the class scores start anew: they are left behind
            self.base.into(theirs, found.variant)
        there = {v.path: v for v in theirs.weights}
        anew = []
        for layer in model.layers:
            values = [_value(there, v) for v in layer.weights]
            if values and all(value is not None for value in values):
                layer.set_weights(values)
            elif values and not isinstance(layer, keras.layers.Conv2DTranspose):
                anew.append(layer.name)
            if hasattr(layer, "finalize_state") and values:
                layer.finalize_state()
        draw_missing(model)
        warnings.warn(
            f"{model.name}: {found.name} is loaded from {self.base.source}, and {', '.join(anew)} starts anew.",
            stacklevel=3,
        )


def _value(there, variable):
    """What the classifier has for a variable: of the same path and shape, or a dense layer's for a convolution."""
    layer, _, name = variable.path.partition("/")
    value = there.get(variable.path, there.get(f"{layer.removesuffix('_conv')}/{name}"))
    if value is None or np.prod(value.shape) != np.prod(variable.shape) or layer.startswith("predictions"):
        return None
    return keras.ops.convert_to_numpy(value).reshape(variable.shape)


def is_of_backbone(arrays):
    """Whether a file's arrays, by path, are a classifier's alone.

    Then no layer tells classes of places, and torch's names speak of no backbone as a part.
    """
    return not any(path.startswith(HEADS) or "backbone." in path for path in arrays)
