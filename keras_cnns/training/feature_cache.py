"""The features of frozen layers, computed once and kept in a folder: the field `cache_features` of a recipe."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.data import features
from keras_cnns.data.batches import Data
from keras_cnns.data.broken import explained
from keras_cnns.data.pipeline import LABELLED
from keras_cnns.graph.frozen_part import divide, structure
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.support.messages import LOG
from keras_cnns.support.progress import track
from keras_cnns.support.sizes import size_words
from keras_cnns.tasks.base.task import Task
from keras_cnns.training.recipe import Recipe
from keras_cnns.training.run_folder import versions


class FeatureCache:
    """The data of a run: features from files, or pictures where the recipe keeps no features.

    A file belongs to one split. Its name is a digest of all that decides its content: the layers and weights of the
    constant part, the pictures and labels, how the pictures are cropped, and the versions of the packages.

    Attributes:
      network: the network that takes what `load` returns; without a cache, the full network.

    Raises:
      UserError: features cannot be kept for this network, task or strategy.
    """

    def __init__(self, recipe: Recipe, task: Task, model: keras.Model, strategy: tf.distribute.Strategy) -> None:
        self.recipe, self.task, self.network = recipe, task, model
        if not recipe.cache_features:
            return
        if task.target not in LABELLED:
            raise BadArgument(f"cache_features is for classifiers, and {recipe.model} is not one: leave it out.")
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy | tf.distribute.TPUStrategy):
            raise BadArgument("cache_features is for the devices of one machine: leave it out with several workers.")
        self._constant, self.network = divide(model)

    def load(self, split: str, batch_size: int, start: int = 0) -> Data:
        """The batches of one split; see `Task.load`."""
        more: dict[str, Any] = {"start": start} if split == "train" else {}
        if not self.recipe.cache_features:
            return self.task.load(split, batch_size, **more)
        in_order = {"shuffle": False} if split == "train" else {}
        return self.of_pictures(split, self.task.load(split, batch_size, **in_order), batch_size, **more)

    def of_pictures(self, split: str, data: Data, batch_size: int, start: int = 0) -> Data:
        """The batches of a split whose pictures are loaded, in their order; without a cache, `data` itself."""
        if not self.recipe.cache_features:
            return data
        training = split == "train"
        more: dict[str, Any] = {"start": start} if training else {}
        rows, dtype = self._rows(split, data), self._constant.output.dtype
        more |= {"batch_size": batch_size, "training": training, "seed": self.recipe.seed}
        return features.batches(data, rows, dtype, **more)

    def _rows(self, split: str, data: Data) -> np.ndarray:
        """The rows of the split's file, which is written if it is not there. data: the pictures in their order."""
        path = Path(self.recipe.cache_features or "") / f"{self._key(split, data)}.npy"
        if not path.exists():
            self._compute(split, data, path)
        rows = features.read(path)
        if len(rows) != data.count:
            raise UserError(f"{path} has {len(rows)} samples, and {data.count} are expected: remove it.")
        return rows

    def _key(self, split: str, data: Data) -> str:
        recipe = self.recipe
        parts = {
            "layers": structure(self._constant),
            "split": split,
            "view": [recipe.input_shape, recipe.augment.crop, recipe.augment.crop_fraction, recipe.skip_broken],
            "pictures": features.content_digest(data.source),
            "versions": versions(),
        }
        total = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
        for weight in self._constant.weights:
            total.update(np.ascontiguousarray(weight.numpy()).tobytes())
        return total.hexdigest()[:40]

    def _compute(self, split: str, data: Data, path: Path) -> None:
        """Computes the features of a split and writes its file."""
        output, target = self._constant.output, data.batches.element_spec[1]
        label = target["labels"] if isinstance(target, dict) else target
        kind = features.row_type(output.shape[1:], output.dtype, label.shape[1:], label.dtype.as_numpy_dtype)
        _check_room(path, data.count * kind.itemsize)
        size = size_words(data.count * kind.itemsize)
        LOG.info("computing the features of %d pictures (%s): %s in %s", data.count, split, size, path)
        with explained():
            features.write(path, self._batches(split, data, kind), kind, data.count)

    def _batches(self, split: str, data: Data, kind: np.dtype) -> Iterator[np.ndarray]:
        """The rows of the split, in order."""
        training, left = split == "train", data.count
        compute = tf.function(lambda image: self._constant(image, training=training))
        steps = -(-data.count // data.batches.element_spec[0].shape[0])
        for image, target, weight in track(data.batches.take(steps), "computing features", steps):
            rows = np.empty(image.shape[0], kind)
            rows[features.FEATURE] = compute(image).numpy()
            rows[features.LABEL] = target["labels"] if isinstance(target, dict) else target
            rows[features.WEIGHT] = 1.0 if training else weight  # training repeats a picture instead of a broken one
            yield rows[:left]
            left -= len(rows)


def _check_room(path: Path, size: int) -> None:
    """Raises UserError if a disk has no room for a file of `size` bytes at `path`."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < size:
        raise UserError(
            f"the features need {size_words(size)}, and {size_words(free)} are free in {folder}: give another "
            "--cache-features, or freeze more layers."
        )
