"""What a map is to explain. A target is a callable: it takes the network's outputs and gives each picture's score.

Any function will do. It gets the model's outputs in their own structure, a final softmax or sigmoid left out, and
returns [n]. One with an attribute `layer` gets the value after that layer instead.
"""

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from keras_cnns.support.errors import UserError


@dataclass(frozen=True)
class Class:
    """The score of a class. index: its number, one for each picture, or None: what the network answers.

    output: which of the model's outputs, by number or name; None: the first.
    """

    index: int | tuple | None = None
    output: int | str | None = None
    layer = None

    def __call__(self, outputs):
        scores = self._scores(outputs)
        if self.index is None:
            return tf.reduce_max(scores, axis=1)
        count = scores.shape[1]
        wanted = np.atleast_1d(self.index)
        for index in wanted[(wanted < 0) | (wanted >= count)][:1]:
            raise UserError(f"there is no class {index}: the model has {count}, 0 to {count - 1}.")
        if len(wanted) == 1:
            return scores[:, int(wanted[0])]
        return tf.gather(scores, wanted.astype("int32"), axis=1, batch_dims=1)

    def part(self, start, stop):
        """The target of the pictures from `start` to `stop`."""
        return self if self.index is None or np.ndim(self.index) == 0 else replace(self, index=self.index[start:stop])

    def settled(self, outputs):
        """This target with the classes that the network answers, to stay with them while pictures change."""
        if self.index is not None:
            return self
        return replace(self, index=tuple(int(i) for i in np.argmax(self._scores(outputs), axis=1)))

    def _scores(self, outputs):
        scores = one(outputs, self.output)
        if len(scores.shape) != 2:
            shape = tuple(scores.shape[1:])
            raise UserError(
                f"the output has shape {shape}: a class is asked of a vector of scores; give a Mask or a Box."
            )
        return scores


@dataclass(frozen=True)
class Unit:
    """The activation of a layer's channel: at `position` (row, column), or where it is strongest (None)."""

    layer: str
    channel: int
    position: tuple | None = None

    def __call__(self, value):
        if not 0 <= self.channel < value.shape[-1]:
            count = value.shape[-1]
            raise UserError(f"layer {self.layer!r} has no channel {self.channel}: it has {count}, 0 to {count - 1}.")
        maps = value[..., self.channel]
        if len(maps.shape) == 1:
            return maps
        flat = tf.reshape(maps, (tf.shape(maps)[0], -1))
        if self.position is None:
            return tf.gather(flat, tf.argmax(flat, axis=1), axis=1, batch_dims=1)
        sizes = tuple(maps.shape[1:])
        if len(self.position) != len(sizes) or not all(0 <= p < n for p, n in zip(self.position, sizes, strict=True)):
            raise UserError(f"layer {self.layer!r} has no position {self.position}: its maps are of {sizes}.")
        return flat[:, int(np.ravel_multi_index(self.position, sizes))]


@dataclass(frozen=True)
class Mask:
    """A segmenter's scores of a class, [n, h, w, classes], averaged over `where`: [h, w] of true and false.

    where: None: the positions that the network gives to this class.
    """

    index: int
    where: object = None
    output: int | str | None = None
    layer = None

    def __call__(self, outputs):
        scores = one(outputs, self.output)
        if len(scores.shape) != 4:
            raise UserError(f"the output has shape {tuple(scores.shape[1:])}: a mask is asked of a map of scores.")
        if not 0 <= self.index < scores.shape[-1]:
            raise UserError(f"there is no class {self.index}: the model has {scores.shape[-1]}.")
        if self.where is None:
            where = tf.cast(tf.argmax(scores, axis=-1) == self.index, scores.dtype)
        else:
            where = tf.cast(self.where, scores.dtype)
            if tuple(where.shape) != tuple(scores.shape[1:3]):
                raise UserError(f"the mask is of {tuple(where.shape)}, the model's map of {tuple(scores.shape[1:3])}.")
        inside = tf.reduce_sum(scores[..., self.index] * where, axis=(1, 2))
        return inside / tf.maximum(tf.reduce_sum(where * tf.ones_like(scores[..., 0]), axis=(1, 2)), 1)


@dataclass(frozen=True)
class Box:
    """A detector's score for its box number `number`: of an output [n, boxes, classes] that of the class `index`, of an
    output [n, boxes] (as of `layers.Detections`, output="scores") that of what was found there."""

    number: int
    index: int | None = None
    output: int | str | None = None
    layer = None

    def __call__(self, outputs):
        scores = one(outputs, self.output)
        wanted = (("box", self.number), ("class", self.index))[: 1 if self.index is None else 2]
        if len(scores.shape) != 1 + len(wanted):
            raise UserError(
                f"the output has shape {tuple(scores.shape[1:])}: a box is asked of scores by box and class, or by box "
                "without a class."
            )
        for (what, asked), count in zip(wanted, scores.shape[1:], strict=True):
            if not 0 <= asked < count:
                raise UserError(f"there is no {what} {asked}: the model has {count}, 0 to {count - 1}.")
        return scores[(slice(None), *(asked for _, asked in wanted))]


def of(target):
    """A target from what users say: a callable, a class number, one for each picture, or None.

    Raises:
      UserError: something else.
    """
    if callable(target):
        return target
    if target is None or isinstance(target, int | np.integer) and not isinstance(target, bool):
        return Class(None if target is None else int(target))
    numbers = np.asarray(target)
    if numbers.ndim == 1 and np.issubdtype(numbers.dtype, np.integer):
        return Class(tuple(int(n) for n in numbers))
    raise UserError(f"the target is {target!r}: give a class number, one for each picture, or a callable.")


def part(target, start, stop, total):
    """The target of some of the pictures. Raises UserError where it names classes for another number of them."""
    if isinstance(target, Class) and np.ndim(target.index) and len(target.index) != total:
        raise UserError(f"there are {len(target.index)} classes for {total} pictures.")
    return target.part(start, stop) if hasattr(target, "part") else target


def settle(target, outputs):
    """The target with the network's own answer written down, where that is what it asks for."""
    return target.settled(outputs) if hasattr(target, "settled") else target


def one(outputs, which=None):
    """One of the model's outputs as a tensor: `pick`."""
    return tf.convert_to_tensor(pick(outputs, which))


def pick(outputs, which=None):
    """An entry of what a model answers (one value, a list, a dict), by number or name; None: the first.

    Raises:
      UserError: there is none.
    """
    if isinstance(outputs, dict):
        names = list(outputs)
    else:
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        names = list(range(len(outputs)))
    if which is None:
        which = 0
    if which not in names and isinstance(which, int) and -len(names) <= which < len(names):
        which = names[which]
    if which not in names:
        raise UserError(f"there is no output {which!r}: the model has {', '.join(map(str, names))}.")
    return outputs[which]
