"""Matches the arguments of a caller with the inputs of a model, by the structure of the model."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import keras
import numpy as np

from keras_cnns.graph.keras_internals import input_structure
from keras_cnns.support.errors import BadArgument

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)


class Inputs:
    """The inputs of a model, for whatever reads or makes pictures.

    Attributes:
      model_name: for messages.
      names, tensors: of each input, in the order of `model.inputs`; the names are those in the file.
      places: the model's own nesting of its inputs, with the position of each.
      take_pixels: whether one of the first layers scales pixels from 0 to 255.

    Args:
      model: a functional model.
      names: of its inputs in the file.
    """

    def __init__(self, model: keras.Model, names: Sequence[str]) -> None:
        structure = input_structure(model)
        self.model_name, self.names, self.tensors = model.name, list(names), list(model.inputs)
        self.places = keras.tree.pack_sequence_as(structure, list(range(len(names))))
        if len(names) == 1:
            self.places = 0  # whether alone, in a list or in a dict
        self.take_pixels = any(type(layer) in SCALING for layer in model.layers[:3])
        paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
        self.keys = [
            (name, tensor.name, *(path[-1:] if path and isinstance(path[-1], str) else ()))
            for name, tensor, path in zip(names, model.inputs, paths, strict=True)
        ]

    def parts(self, data: Any, what: str) -> Iterator[dict[str, np.ndarray]]:
        """`{input name: (N, ...) array}` for each batch in whatever `fit` or `predict` takes; labels are ignored.

        Raises:
          UserError: something in it is no batch and no entry of these inputs.
        """
        arrays = self.taken(data, everything=True)
        if arrays is not None:
            yield {name: np.atleast_1d(array) for name, array in arrays.items()}
            return
        for item in _items(data, what):
            arrays = self.taken(item)
            if arrays is None:
                raise BadArgument(f"{what}: a batch is {type(item).__name__}, not an array of pictures.")
            ranks = (len(tensor.shape) for tensor in self.tensors)
            yield {  # single pictures are welcome
                name: array if array.ndim == rank else array[None]
                for (name, array), rank in zip(arrays.items(), ranks, strict=True)
            }

    def taken(self, item: Any, everything: bool = False) -> dict[str, np.ndarray] | None:
        """The arrays by name in a batch or an entry, with or without labels and weights; None if it is neither.

        everything: the item is all the data, so that a list of batches or of entries is read as that.
        """
        if isinstance(item, dict):
            return self._named(item)
        if is_array(item):
            return {self.names[0]: np.asarray(item)} if len(self.names) == 1 else None
        if not isinstance(item, (list, tuple)) or not len(item):
            return None
        by_place = self._placed(item, self.places, everything)
        if by_place is None and len(item) <= 3 and (first := self._first(item[0], everything)) is not None:
            others = [self._first(part, everything) is not None for part in item[1:]]
            several = everything and isinstance(item, list) and all(others)  # a list of batches
            by_place = None if several and others else first
        if by_place is None and not everything and len(self.names) == 1 and is_array(item[0]) and len(item) <= 3:
            by_place = {0: np.asarray(item[0])}  # of another shape, which is refused later
        if by_place is None and len(item) == len(self.names) > 1 and all(map(is_array, item)):
            by_place = dict(enumerate(map(np.asarray, item)))
        return None if by_place is None else self._by_name(by_place)

    def _first(self, item: Any, everything: bool) -> dict[int, np.ndarray] | None:
        """The arrays by place where the item is inputs without anything beside them."""
        if isinstance(item, dict):
            known = [[key for key in keys if key in item] for keys in self.keys]
            if all(known):
                return {i: np.asarray(item[keys[0]]) for i, keys in enumerate(known)}
            if len(self.names) == len(item) == 1:  # by whatever name
                only = _array(next(iter(item.values())))
                return None if only is None else {0: only}
        return self._placed(item, self.places, everything)

    def _placed(self, item: Any, places: Any, everything: bool) -> dict[int, np.ndarray] | None:
        """{place: array} of an item that has the structure `places`, or is the flat list of it; None if it has not."""
        if isinstance(places, int):
            array = _array(item)
            return {places: array} if array is not None and self._fits(places, array, everything) else None
        if isinstance(item, (list, tuple)) and not isinstance(places, (list, tuple)):
            places = keras.tree.flatten(places)
        if isinstance(places, dict):
            if not isinstance(item, dict) or not set(places) <= set(item):
                return None
            pairs = [(item[key], places[key]) for key in places]
        elif isinstance(item, (list, tuple)) and len(item) == len(places):
            pairs = list(zip(item, places, strict=True))
        else:
            return None
        arrays: dict[int, np.ndarray] = {}
        for part, place in pairs:
            if (placed := self._placed(part, place, everything)) is None:
                return None
            arrays |= placed
        return arrays

    def _named(self, item: dict[Any, Any]) -> dict[str, np.ndarray]:
        """Arrays by the names of the inputs, or in the nesting the model has."""
        by_place = self._first(item, everything=False)
        if by_place is None and isinstance(self.places, dict) and set(self.places) <= set(item):
            for key, place in self.places.items():  # the nesting is right, and a shape may not be
                if not isinstance(place, int):
                    raise BadArgument(
                        f"inputs: the value for {key!r} does not have the structure that the model takes."
                    )
        if by_place is None:
            raise BadArgument(f"inputs are named {', '.join(self.names)}, not {', '.join(map(str, item))}.")
        return self._by_name(by_place)

    def _by_name(self, by_place: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: by_place[i] for i, name in enumerate(self.names)}

    def _fits(self, place: int, array: np.ndarray, everything: bool) -> bool:
        """Whether this is a batch of the input, or one entry where it need not be all there is."""
        shape = tuple(self.tensors[place].shape)
        if array.ndim not in (len(shape), len(shape) - (not everything)):
            return False
        own = array.shape[1:] if array.ndim == len(shape) else array.shape
        return all(n in (None, m) for n, m in zip(shape[1:], own, strict=True))


def is_array(value: Any) -> bool:
    """Whether this is an array of some library's, or a picture of PIL's."""
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _array(value: Any) -> np.ndarray | None:
    """An array, or what is written out in numbers, as an array; None for anything else."""
    if is_array(value):
        return np.asarray(value)
    if isinstance(value, (int, float)):
        return np.asarray(value)
    if not isinstance(value, (list, tuple)) or any(is_array(part) or isinstance(part, dict) for part in value):
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in "biuf" else None


def _items(data: Any, what: str) -> Iterator[Any]:
    """The batches, or entries, of an iterable; of a function that gives one, as TFLite's `representative_dataset`."""
    if callable(data) and not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        data = data()
    if isinstance(data, keras.utils.PyDataset):
        return map(data.__getitem__, count() if data.num_batches is None else range(data.num_batches))
    try:
        return iter(data)
    except TypeError:
        raise BadArgument(f"{what}: {type(data).__name__} is neither an array nor an iterable of batches.") from None
