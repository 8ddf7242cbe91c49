"""Pictures with boxes or masks at the network's size: resized to fit, with a border."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment import geometric
from keras_cnns.data.augment.apply import augmented
from keras_cnns.data.augment.letterbox import FILL, fitting, place
from keras_cnns.data.augment.random import Random
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.broken import TRIES, Broken
from keras_cnns.data.sources.sample import VOID, Sample
from keras_cnns.support.errors import BadArgument

MOVES = {"mirror", "zoom", "mosaic"}  # the augmentations that also move boxes and masks
COLOURS = {"jitter", "hue", "pca_noise"}
MIXED = 4  # pictures in a mosaic
BOXES = ("boxes", "classes", "ignored", "crowd", "count", "scale")
FIRST_OF_COLOURS, OTHERS = 32, -3  # first random number for colours, and for the other pictures of a mosaic


class PlacedSamples:
    """Pictures with boxes or masks, as `load` batches them: (picture, target) or (picture, target, weight).

    Attributes:
      count: samples in the split. sound: always True, since broken samples are handled where they are read.
    """

    def __init__(
        self, broken: Broken, size: tuple[int, int], channels: int, augment: Augment, training: bool, mask: bool
    ) -> None:
        if channels != 3:
            raise BadArgument(f"channels is {channels}: pictures with boxes or masks have 3 (RGB).")
        self.broken, self.size, self.mask = broken, size, mask
        self.augment = _followed(augment)
        self.colours = replace(self.augment, mirror=False)  # augmentation of the placed picture
        self.count, self.sound = broken.source.count, True
        self.most = broken.source.most_boxes * (MIXED if training and augment.mosaic else 1)

    def plan(self, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """A sample's random numbers [N, NUMBERS], as they are."""
        return (numbers,)

    def training(self, index: tf.Tensor, number: tf.Tensor, numbers: tf.Tensor, careful: bool) -> tuple:
        """The sample at position `index` of the run: picture `number`, augmented."""
        others = tf.cast(numbers[OTHERS:] * self.count, tf.int64)
        picture, target, _ = self._read(self._augmented, index, [number, others, numbers])
        if self.colours.changes:
            picture = augmented(picture, self.colours, Random(numbers[FIRST_OF_COLOURS:OTHERS]))
        return picture, target

    def evaluation(self, index: tf.Tensor, careful: bool) -> tuple:
        """Picture `index` of the split; after the last one, a picture of weight 0."""
        picture, target, good = self._read(self._plain, index, [index % self.count])
        return picture, target, tf.cast(good & (index < self.count), tf.float32)

    def array(self, number: int) -> Sample | None:
        """Picture `number` as in evaluation; None if it is broken."""
        sample = self.broken.decoded(number, tries=1)
        return None if sample is None else self._fitted(sample)[0]

    def _read(self, function: Callable, index: tf.Tensor, arguments: Sequence[tf.Tensor]) -> tuple:
        """(picture float32 [H, W, 3], target, good) of a NumPy function of (picture, target's parts ..., good)."""
        specs: list[tuple[Any, tuple[int, ...]]] = [(tf.uint8, (*self.size, 3))]
        if self.mask:
            specs += [(tf.int32, self.size)]
        else:
            most = self.most
            specs += [(tf.float32, (most, 4)), (tf.int32, (most,)), (tf.bool, (most,)), (tf.bool, (most,))]
            specs += [(tf.int32, ()), (tf.float32, ())]
        specs += [(tf.bool, ())]
        parts = tf.numpy_function(function, arguments, [dtype for dtype, _ in specs])
        picture, *parts, good = (tf.ensure_shape(part, shape) for part, (_, shape) in zip(parts, specs, strict=True))
        target = parts[0] if self.mask else dict(zip(BOXES, parts, strict=True)) | {"number": index}
        return tf.cast(picture, tf.float32), target, good

    def _plain(self, number: np.integer) -> tuple:
        sample = self.broken.decoded(int(number), tries=1)
        return self._parts(*self._fitted(sample or self._empty()), sample is not None)

    def _augmented(self, number: np.integer, others: np.ndarray, u: np.ndarray) -> tuple:
        how = self.augment
        numbers = [number, *others] if u[0] < how.mosaic else [number]
        sample, *added = map(self._training_sample, numbers)
        scale = 1.0
        if added:
            sample = geometric.mosaic([sample, *added], self.size, u[5:])
        elif how.zoom != (1.0, 1.0):
            sample = geometric.zoomed(sample, self.size, how.zoom, u[1:4])
        else:
            sample, scale = self._fitted(sample)
        if how.mirror and u[4] < 0.5:
            sample = geometric.mirrored(sample)
        return self._parts(sample, scale, True)

    def _training_sample(self, number: np.integer) -> Sample:
        return self.broken.decoded(int(number), TRIES) or self._empty()

    def _empty(self) -> Sample:
        """The replacement of a broken sample: a grey picture without boxes, with a mask that is all void."""
        picture = np.full((*self.size, 3), FILL, np.uint8)
        return Sample(picture, boxes=np.zeros((0, 4), np.float32), classes=[], mask=np.full(self.size, VOID, np.uint8))

    def _fitted(self, sample: Sample) -> tuple[Sample, float]:
        scale = fitting(sample.picture.shape[:2], self.size)
        return place(sample, self.size, scale), scale

    def _parts(self, sample: Sample, scale: float, good: bool) -> tuple:
        if self.mask:
            return sample.picture, np.asarray(sample.mask, np.int32), np.bool_(good)
        return sample.picture, *_padded(sample, self.most), np.float32(scale), np.bool_(good)


def _padded(sample: Sample, most: int) -> tuple[Any, ...]:
    """Boxes, classes, ignored and crowd, padded to `most` rows, and the number of boxes."""
    count = min(len(sample.boxes), most)
    filled = (np.zeros((most, 4), np.float32), np.zeros(most, np.int32), np.zeros(most, bool), np.zeros(most, bool))
    for array, part in zip(filled, (sample.boxes, sample.classes, sample.ignored, sample.crowd), strict=True):
        array[:count] = part[:count]
    return *filled, np.int32(count)


def _followed(augment: Augment) -> Augment:
    """Checks that boxes and masks can follow the augmentation, and returns it.

    Raises:
      UserError: they cannot; the message names the setting.
    """
    default = Augment()
    changed = {name for name in vars(default) if getattr(augment, name) != getattr(default, name)}
    wrong = sorted(changed - MOVES - COLOURS)
    if wrong:
        raise BadArgument(
            f"boxes and masks do not follow augment.{wrong[0]}: take {', '.join(sorted(MOVES | COLOURS))}."
        )
    return augment
