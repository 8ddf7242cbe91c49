"""The weights of a classifier, for a segmenter or detector with the same backbone. Dense layers become convolutions."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import backbone, entry
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.messages import listed
from keras_cnns.weights.names.table import Arrays

SCORES = ("score", "class_scores")  # layers of segmenters and detectors that score classes


@dataclass(frozen=True)
class OfBackbone:
    """A set of weights (`weights.Weights`) for the backbone of the network called `name`."""

    name: str
    base: Any
    labels: tuple[str, ...] = ()

    def columns(self, net: Any, overrides: Collection[str] = ()) -> dict[str, Any]:
        """The columns of the backbone's row that come with its weights, joined with those that the row changes."""
        return {"columns": self.base.columns(backbone(net).variant, net.columns) | net.columns}

    def choices(self) -> list[dict[str, Any]]:
        """No set of columns is preferred."""
        return [{}]

    def classes(self) -> None:
        """The file has no scores for this network."""
        return None

    def check_classifier(self, *, allow_new: bool) -> None:
        """Accepts any file: the heads of a segmenter or detector are always new if the weights are a classifier's."""

    def pixels(self) -> Any:
        """The preprocessing inside the network of the file."""
        return self.base.pixels()

    def warn(self, net: Any, include_preprocessing: bool | None, overrides: Collection[str] = ()) -> None:
        """Warns about what is assumed about pixels and numerics."""
        self.base.warn(backbone(net).variant, include_preprocessing, net.columns)

    def assign_to(self, model: Any, net: Any = None) -> None:
        """Assigns all weights that `model` shares with the classifier. Its other layers keep theirs, with a warning."""
        net = net or entry(self.name).variant
        network = backbone(net)
        # the classifier, built for the size that its fully connected layers need
        options = {"classes": self.base.classes(), "include_preprocessing": True, "drawn": False}
        classifier = assemble(network, network.variant, input_shape=network.variant.input_shape, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about class scores, which are not used here
            self.base.assign_to(classifier, network.variant)
        there = {v.path: v for v in classifier.weights}
        new = []
        for layer in model.layers:
            values = [_value(there, v) for v in layer.weights]
            if values and all(value is not None for value in values):
                layer.set_weights(values)
            elif values and not isinstance(layer, layers.Conv2DTranspose):
                new.append(layer.name)
            if isinstance(layer, layers.Normalization) and values:
                layer.finalize_state()
        draw_missing(model)
        keep = "keep their" if len(new) > 1 else "keeps its"
        warnings.warn(
            f"{model.name}: {network.name} is loaded from {self.base.source}, and {listed(new)} {keep} initial "
            "weights.",
            stacklevel=4,
        )


def _value(there: dict[str, Any], variable: Any) -> Any:
    """The classifier's value for a variable: of the same path and size, or that of a dense layer for a convolution."""
    layer, _, name = variable.path.partition("/")
    value = there.get(variable.path, there.get(f"{layer.removesuffix('_conv')}/{name}"))
    if value is None or np.prod(value.shape) != np.prod(variable.shape) or layer.startswith("predictions"):
        return None
    return keras.ops.convert_to_numpy(value).reshape(variable.shape)


def is_of_backbone(arrays: Arrays) -> bool:
    """Whether the arrays of a file are those of a classifier.

    This is so if no layer scores pixels or boxes, and no name contains "backbone".
    """
    return not any(path.startswith(SCORES) or "_class_scores" in path or "backbone." in path for path in arrays)
