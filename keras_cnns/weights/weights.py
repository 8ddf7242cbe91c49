"""A set of weights for one network, with the facts that are needed to use it."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_cnns.registry.registry import entry, registry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.weights import numerics, renaming
from keras_cnns.weights import preprocessing as pixels
from keras_cnns.weights.assignment import assign
from keras_cnns.weights.beside import Beside, ambiguous
from keras_cnns.weights.catalog import SOURCES
from keras_cnns.weights.classifier import head_layers
from keras_cnns.weights.fit import fitted
from keras_cnns.weights.formats.readers import Tensors

OWN = "keras_cnns"
KERAS_HUB = "keras_hub"


@dataclass(frozen=True)
class Weights:
    """A set of weights for the network called `name`, under the names of our layers.

    Args:
      name: our name of the network.
      source: the file, folder, address or publisher that the caller named.
      origin: "keras", "torchvision", "timm" or another library, or "keras_cnns" for a file of this package.
      tensors: the arrays of the file, renamed.
      beside: further facts about the file.
      labels: the names of its classes, if they are known.
      has_classifier: whether the file has a classifier that fits the network.
    """

    name: str
    source: str
    origin: str
    tensors: Tensors
    beside: Beside = field(default_factory=Beside)
    labels: tuple[str, ...] = ()
    has_classifier: bool = True

    def columns(self, net: Any, overrides: Collection[str] = ()) -> dict[str, Any]:
        """The columns that a model of the row `net` must have for these weights: numerics and preprocessing.

        overrides: the columns that the caller sets.
        """
        if self.origin != OWN or self.name not in registry():
            columns = self.choices()[0]
        else:
            columns = {} if "numerics" in overrides else numerics.columns(self.name, net, self.tensors, self.source)
        inside = self.pixels()
        return columns if inside in (None, pixels.UNKNOWN) else columns | {"preprocessing": inside}

    def choices(self) -> list[dict[str, Any]]:
        """All sets of such columns that the file may have been written with; a file of our own may fit several."""
        if self.name not in registry():
            return [{}]
        if self.origin == OWN:
            return numerics.fitting(self.name, entry(self.name).variant, self.tensors)
        return [renaming.columns(self.name, self.origin) | self.beside.columns]

    def pixels(self) -> Any:
        """The preprocessing inside the network of the file; `None` if it has none, or `pixels.UNKNOWN`."""
        return pixels.preprocessing(self.tensors) if self.tensors.kind == "keras" else None

    def classes(self) -> int | None:
        """The number of classes of the file's classifier; `None` if it has no classifier that fits."""
        if self.name not in registry() or not self.has_classifier:
            return None
        network = entry(self.name)
        head, boxes = network.head, network.head.boxes(network.variant)
        for variable in ("bias", "1"):
            bias = self.tensors.arrays.get(f"{head.scores[0]}/{variable}")
            if bias is not None and np.ndim(bias) == 1 and len(bias) % boxes == 0:
                return len(bias) // boxes - head.background
        return None

    def check_classifier(self, *, allow_new: bool) -> None:
        """Raises UserError if the file has no classifier. allow_new: whether a new classifier is wanted."""
        if not self.has_classifier and not allow_new:
            raise UnreadableFile(
                f"{self.source} has no classifier for {self.name}: set classes= for a new one, which starts from "
                "random weights, or include_top=False."
            )

    def warn(self, net: Any, include_preprocessing: bool | None, overrides: Collection[str] = ()) -> None:
        """Warns about what is assumed about pixels and numerics, and says how to state otherwise.

        include_preprocessing: `None` if the caller did not decide.
        """
        inside = self.pixels()
        if inside is not None and include_preprocessing is None:
            _warn(
                f"the network in {self.source} takes pixels from 0 to 255, and {self.name} is built without that: set "
                "include_preprocessing=True, or include_preprocessing=False if you prepare the pictures yourself."
            )
        unsaid = self.origin == OWN or (self.origin == KERAS_HUB and "preprocessing" not in self.beside.columns)
        unknown = inside is pixels.UNKNOWN or (inside is None and unsaid)
        if include_preprocessing and "preprocessing" not in overrides and unknown:
            _warn(
                f"{self.source} does not show how its network prepared pixels: {net.preprocessing!r} is assumed; set "
                "preprocessing= if that is wrong."
            )
        self._warn_of_recipes(net, overrides)

    def _warn_of_recipes(self, net: Any, overrides: Collection[str]) -> None:
        """Warns if timm publishes several networks of the same tensors and nothing tells which this one is."""
        from_hub = self.tensors.kind == "torch" and (
            self.origin == "timm" or self.source.endswith((".safetensors", ".bin"))
        )
        choices = ambiguous(self.name) if from_hub and not self.beside.origin and self.source not in SOURCES else []
        if len(choices) > 1 and not {"numerics", "preprocessing"} <= set(overrides):
            names = list(dict.fromkeys(architecture for architecture, _ in choices))
            assumed = (renaming.peer(self.name, "timm") or names[0]).partition("(")[0]
            _warn(
                f"nothing beside {self.source} says which of timm's recipes it comes from ({', '.join(names)}; "
                f"pixels as {' or '.join(dict.fromkeys(pixels for _, pixels in choices))}): {assumed} with pixels as "
                f"{net.preprocessing!r} is assumed; keep its config.json beside it, or set numerics=, preprocessing=."
            )

    def assign_to(self, model: Any, net: Any = None) -> None:
        """Assigns the weights to `model`, all of them or none. Raises UserError if they do not fit."""
        network = registry().get(self.name)
        head = head_layers(network, net) if network else ()
        scores = network.head.scores if network else ("predictions",)
        values = fitted(model, self.tensors.arrays, self.tensors.kind, head=head, scores=scores)
        assign(model, values, source=self.source)
        for note in self.tensors.notes:
            _warn(f"{self.source}: {note}")


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=5)
