"""What a map explains. A target is a callable: it takes the network's outputs and returns a score for each picture.

Any function will do. It gets the model's outputs in their own structure, without the softmax or sigmoid that ends the
model, and returns [n]. A target with an attribute `layer` gets the value after that layer instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from keras_cnns.support.errors import BadArgument, UserError, first_line
from keras_cnns.support.validation import short, text_of, whole

Target = Callable[[Any], tf.Tensor]
TargetLike: TypeAlias = Target | int | Sequence[int] | np.ndarray | None  # as users give it: see `of`


@dataclass(frozen=True)
class Class:
    """The score of a class.

    index: the number of the class, one for each picture, or None: the class that the network answers.
    output: which of the model's outputs, by number or name; None: the first.
    sigmoid: set by the methods themselves where the output is a single sigmoid, which answers two classes: class 1 with
      the score x and class 0 with -x ("logit") or 1 - x ("probability").

    >>> insight.grad_cam(model, pictures, insight.Class(281))

    Raises:
      UserError: when it is called, if there is no such class or output.
    """

    index: int | tuple | None = None
    output: int | str | None = None
    sigmoid: str | None = None
    layer = None

    def __post_init__(self) -> None:
        if self.index is not None and not whole(self.index, -np.inf):
            try:
                numbers = np.asarray(self.index)
            except ValueError:
                numbers = np.empty(0)
            if numbers.ndim != 1 or not numbers.size or not np.issubdtype(numbers.dtype, np.integer):
                raise BadArgument(f"a class is {short(self.index)}: give its number, or one for each picture.")
            object.__setattr__(self, "index", tuple(int(n) for n in numbers))

    def __call__(self, outputs: Any) -> tf.Tensor:
        scores = self._scores(outputs)
        if self.index is None:
            return tf.reduce_max(scores, axis=1)
        count = scores.shape[1]
        indices = np.atleast_1d(self.index)
        for index in indices[(indices < 0) | (indices >= count)][:1]:
            raise BadArgument(f"there is no class {index}: the model has {count}, 0 to {count - 1}.")
        if len(indices) == 1:
            return scores[:, int(indices[0])]
        if scores.shape[0] not in (None, len(indices)):
            raise BadArgument(f"the target names {len(indices)} classes for {scores.shape[0]} pictures.")
        return tf.gather(scores, indices.astype("int32"), axis=1, batch_dims=1)

    def part(self, start: int, stop: int) -> "Class":
        """The target of the pictures from `start` to `stop`."""
        return replace(self, index=self.index[start:stop]) if isinstance(self.index, tuple) else self

    def settled(self, outputs: Any) -> "Class":
        """This target with the classes that the network answers, to keep them while pictures change."""
        if self.index is not None:
            return self
        scores = np.asarray(self._scores(outputs))
        if not np.isfinite(scores).all():
            raise BadArgument(
                "the network answers with values that are not finite: check its weights and its pictures."
            )
        return replace(self, index=tuple(int(i) for i in np.argmax(scores, axis=1)))

    def _scores(self, outputs: Any) -> tf.Tensor:
        scores = tf.convert_to_tensor(pick(outputs, self.output))
        if len(scores.shape) != 2:
            shape = tuple(scores.shape[1:])
            raise BadArgument(
                f"the output has shape {shape}, and a class needs a vector of scores: give a Mask or a Box instead."
            )
        if self.sigmoid is None:
            return scores
        return tf.concat([-scores if self.sigmoid == "logit" else 1 - scores, scores], axis=1)


@dataclass(frozen=True)
class Unit:
    """The activation of a channel of a layer.

    layer: its name. channel: its number. position: (row, column); None: where the channel is strongest.

    >>> insight.deconvnet(model, pictures, insight.Unit("conv3", 7))
    """

    layer: str
    channel: int
    position: tuple | None = None

    def __post_init__(self) -> None:
        text_of(self.layer, "layer")

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        count = value.shape[-1]
        if not whole(self.channel, 0) or self.channel >= count:
            raise BadArgument(
                f"layer {self.layer!r} has no channel {short(self.channel)}: it has {count}, 0 to {count - 1}."
            )
        maps = value[..., self.channel]
        if len(maps.shape) == 1:
            return maps
        flat = tf.reshape(maps, (tf.shape(maps)[0], -1))
        if self.position is None:
            return tf.gather(flat, tf.argmax(flat, axis=1), axis=1, batch_dims=1)
        sizes = tuple(maps.shape[1:])
        position = self.position if isinstance(self.position, tuple | list) else ()
        if len(position) != len(sizes) or not all(whole(p, 0) and p < n for p, n in zip(position, sizes, strict=True)):
            raise BadArgument(
                f"layer {self.layer!r} has no position {short(self.position)}: its maps have the size {sizes}."
            )
        return flat[:, int(np.ravel_multi_index(position, sizes))]


@dataclass(frozen=True)
class Mask:
    """A segmenter's scores of a class, [n, h, w, classes], averaged over some positions.

    index: the number of the class. where: [h, w] of true and false; None: the positions where the network answers this
    class. output: which of the model's outputs, by number or name; None: the first.

    >>> maps = insight.grad_cam(segmenter, pictures, insight.Mask(3))
    """

    index: int
    where: Any = None
    output: int | str | None = None
    layer = None

    def __call__(self, outputs: Any) -> tf.Tensor:
        scores = tf.convert_to_tensor(pick(outputs, self.output))
        if len(scores.shape) != 4:
            raise BadArgument(f"the output has shape {tuple(scores.shape[1:])}, and a mask needs a map of scores.")
        if not whole(self.index, 0) or self.index >= scores.shape[-1]:
            raise BadArgument(f"there is no class {short(self.index)}: the model has {scores.shape[-1]}.")
        if self.where is None:
            where = tf.cast(tf.argmax(scores, axis=-1) == self.index, scores.dtype)
        else:
            try:
                where = tf.cast(np.asarray(self.where).astype(bool), scores.dtype)
            except (TypeError, ValueError):
                raise BadArgument(f"where is {short(self.where)}: it must be an array of true and false.") from None
            if tuple(where.shape) != tuple(scores.shape[1:3]):
                raise BadArgument(
                    f"the mask has the size {tuple(where.shape)}, the model's map {tuple(scores.shape[1:3])}."
                )
        inside = tf.reduce_sum(scores[..., self.index] * where, axis=(1, 2))
        return inside / tf.maximum(tf.reduce_sum(where * tf.ones_like(scores[..., 0]), axis=(1, 2)), 1)


@dataclass(frozen=True)
class Box:
    """A detector's score for one box.

    number: of the box. index: the class, for an output [n, boxes, classes]; None for an output [n, boxes], such as
    output="scores" of `keras_cnns.layers.Detections`. output: which of the model's outputs; None: the first.

    >>> maps = insight.occlusion(detector, pictures, insight.Box(0, output="scores"))
    """

    number: int
    index: int | None = None
    output: int | str | None = None
    layer = None

    def __call__(self, outputs: Any) -> tf.Tensor:
        scores = tf.convert_to_tensor(pick(outputs, self.output))
        axes = (("box", self.number), ("class", self.index))[: 1 if self.index is None else 2]
        if len(scores.shape) != 1 + len(axes):
            raise BadArgument(
                f"the output has shape {tuple(scores.shape[1:])}, and a box needs scores by box and class, or by box "
                "if no class is given."
            )
        for (what, position), count in zip(axes, scores.shape[1:], strict=True):
            if not whole(position, 0) or position >= count:
                raise BadArgument(f"there is no {what} {short(position)}: the model has {count}, 0 to {count - 1}.")
        return scores[(slice(None), *(position for _, position in axes))]


def of(target: Any) -> Target:
    """A target from what users give: a callable, a class number, one for each picture, or None.

    Raises:
      UserError: something else.
    """
    if callable(target) and not isinstance(target, type):
        return target
    if isinstance(target, (bool, str, bytes, dict, type)):
        raise BadArgument(f"the target is {short(target)}: give a class number, one for each picture, or a callable.")
    try:
        return Class(target)
    except UserError:
        raise BadArgument(
            f"the target is {short(target)}: give a class number, one for each picture, or a callable."
        ) from None


def scores(target: Target, outputs: Any, model: str) -> tf.Tensor:
    """What the target gives for the outputs of the model of this name, [n].

    Raises:
      UserError: it cannot be computed from them, or is something else.
    """
    try:
        values = tf.convert_to_tensor(target(outputs))
    except UserError:
        raise
    except Exception as error:  # a function of the user's, or another model
        raise BadArgument(f"the target fails on the outputs of {model}: {first_line(error)}") from error
    if len(values.shape) != 1:
        raise BadArgument(f"the target returns shape {tuple(values.shape)}, not one score for each picture.")
    return values


def part(target: Target, start: int, stop: int, total: int) -> Target:
    """The target of some of the pictures. Raises UserError if it names classes for another number of them."""
    if isinstance(target, Class) and isinstance(target.index, tuple) and len(target.index) != total:
        raise BadArgument(f"there are {len(target.index)} classes for {total} pictures.")
    return target.part(start, stop) if hasattr(target, "part") else target


def pick(outputs: Any, which: int | str | None = None) -> Any:
    """One of a model's outputs (one value, a list, a dict), by number or name; None: the first.

    Raises:
      UserError: there is no such output.
    """
    if isinstance(outputs, dict):
        names = list(outputs)
    else:
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        names = list(range(len(outputs)))
    if which is None:
        which = 0
    if not isinstance(which, int | str | np.integer):
        raise BadArgument(f"output is {short(which)}: give the number or the name of an output.")
    if which not in names and isinstance(which, int) and -len(names) <= which < len(names):
        which = names[which]
    if which not in names:
        raise BadArgument(f"there is no output {which!r}: the model has {', '.join(map(str, names))}.")
    return outputs[which]
