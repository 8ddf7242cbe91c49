"""A model whose inner values can be read, and through which gradients can be sent back by other rules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_cnns.graph.calls import Call, Calls, Ref
from keras_cnns.graph.keras_internals import takes_training
from keras_cnns.graph.kinds import CAST, MOVES, is_rectifier, is_sigmoid, is_squashing
from keras_cnns.insight.maps import targets
from keras_cnns.layers import GroupedConv2D
from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument, UnsupportedModel

HALF = ("float16", "bfloat16")
Rule = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # (x, y) of a rectifier -> y with another gradient


class InspectedModel:
    """The calls of a functional model with one picture as its input, run one after the other.

    It runs in inference mode and in float32, also where the model computes in half precision, in which gradients would
    vanish. The softmax or sigmoid that ends a model is left out, so scores are those before it: a probability near 1
    has hardly a gradient (Selvaraju et al. 2017, section 3).

    model: the Keras model. calls: its `Calls`. shape: of its input, without the batch.

    >>> InspectedModel(keras_cnns.build("lenet5")).shape
    (32, 32, 1)

    Raises:
      UserError: the model has no graph, or several inputs.
    """

    def __init__(self, model: keras.Model) -> None:
        check_tensorflow_backend("a map")
        self.model, self.calls = model, Calls(model)
        if len(self.calls.inputs) != 1:
            raise BadArgument(
                f"{model.name} has {len(self.calls.inputs)} inputs: only a model of one picture is explained."
            )
        self.shape = self.calls.inputs[0].shape[1:]
        self._linear: set[int] = set()  # numbers of the calls whose softmax or sigmoid ends the model
        self._sigmoids: dict[Ref, int] = {}  # output -> number of the call whose sigmoid it is
        self._find_ends()

    def gradient(
        self, pictures: np.ndarray, target: targets.Target, *, at: int | None = None, rule: Rule | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The value after call number `at`, the gradient of the target's scores there, and the scores [n].

        at: None: the pictures themselves. rule: replaces the gradient of every rectifier.

        Raises:
          UserError: the target does not depend on that value.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            outputs, value = self.run(pictures, at=at, tape=tape, rule=rule, last=self.last(target))
            scores = self.score(target, outputs)
            total = tf.reduce_sum(scores)
        gradient = None if value is None else tape.gradient(total, value)
        if gradient is None:
            where = "the picture" if at is None else f"layer {self.calls[at].name!r}"
            raise BadArgument(f"the target does not depend on {where}: choose a layer before it.")
        return value, gradient, scores

    def picture_shape(self, source: Any) -> tuple[int, int, int]:
        """(height, width, channels) of the pictures it takes. source: the file of the model, for the error message.

        Raises:
          UserError: it takes something else, or pictures of any size.
        """
        if len(self.shape) != 3 or None in self.shape[:2] or self.shape[-1] not in (1, 3):
            raise UnsupportedModel(
                f"{source} takes inputs of {text_of(self.shape)}: grey or coloured pictures of a fixed size are needed."
            )
        return self.shape

    def output(self, which: int | str | None) -> int | str | None:
        """An output as targets name it; the name of the layer that gives it is accepted where outputs have no names."""
        names = [self.calls[ref.call].name for ref in tree.flatten(self.calls.result)]
        return names.index(which) if not isinstance(self.calls.result, dict) and which in names else which

    def scores(self, pictures: np.ndarray, target: targets.Target, *, probabilities: bool = False) -> tf.Tensor:
        """The target's score of each picture, [n]. probabilities: with the softmax or sigmoid that ends the model."""
        outputs = self.run(pictures, last=self.last(target), probabilities=probabilities)[0]
        return self.score(target, outputs, "probability" if probabilities else "logit")

    def settled(self, target: targets.Target, pictures: np.ndarray) -> targets.Target:
        """The target with the class that the network answers to each picture, where it asks for that class."""
        if not isinstance(target, targets.Class) or target.index is not None:
            return target
        return self._of_sigmoid(target, "logit").settled(self.run(pictures)[0])

    def check(self, target: targets.Target, outputs: Any) -> None:
        """Raises UserError if the target asks for something that these outputs do not have."""
        self.score(target, outputs)

    def is_one_sigmoid(self, target: targets.Target) -> bool:
        """Whether the target is a class of an output that is a single sigmoid, the probability of class 1."""
        if not isinstance(target, targets.Class):
            return False
        (ref, *others) = tree.flatten(targets.pick(self.calls.result, target.output))
        return not others and ref in self._sigmoids and len(ref.shape) == 2 and ref.shape[1] == 1

    def score(self, target: targets.Target, outputs: Any, form: str = "logit") -> tf.Tensor:
        """The target's scores [n]. form: of a single sigmoid, "logit" or "probability"."""
        target = self._of_sigmoid(target, form) if isinstance(target, targets.Class) else target
        return targets.scores(target, outputs, self.model.name)

    def _of_sigmoid(self, target: targets.Class, form: str) -> targets.Class:
        """The target with a mark that its output is a single sigmoid, if it is."""
        if not self.is_one_sigmoid(target):
            return target
        (ref,) = tree.flatten(targets.pick(self.calls.result, target.output))
        return replace(target, sigmoid=form if self._sigmoids[ref] in self._linear else "probability")

    def last(self, target: targets.Target | None) -> int | None:
        """The number of the call whose value the target takes; None: the model's outputs."""
        layer = getattr(target, "layer", None)
        return None if layer is None else self.calls.find(layer)

    def run(
        self,
        pictures: np.ndarray,
        *,
        at: int | None = None,
        tape: tf.GradientTape | None = None,
        rule: Rule | None = None,
        last: int | None = None,
        probabilities: bool = False,
    ) -> tuple[Any, tf.Tensor | None]:
        """The outputs in the model's own structure, or the value after call number `last`; and that after call `at`.

        tape: watches the value at `at`; what comes before it is not recorded. probabilities: the softmax or sigmoid at
        the end is computed.
        """
        remaining = self._uses(last)
        values, value_at = {self.calls.inputs[0]: tf.cast(pictures, tf.float32)}, None
        for number, call in enumerate(self.calls):
            if not any(remaining.get(ref) for ref in call.outputs):
                continue
            if number:
                args, kwargs = _with_values((call.args, call.kwargs), values)
                linear = not probabilities and number in self._linear
                results = tree.flatten(self._call(call, args, kwargs, rule, linear))
                values |= {ref: y for ref, y in zip(call.outputs, results, strict=True) if remaining.get(ref)}
            if number == (at or 0):
                value_at = values[call.outputs[0]]
                if tape is not None:
                    tape.watch(value_at)
            if number == last:
                return values[call.outputs[0]], value_at
            for ref in call.inputs:
                remaining[ref] -= 1
                if not remaining[ref]:
                    del values[ref]  # memory: only what is still needed
        return _with_values(self.calls.result, values), value_at

    def _uses(self, last: int | None) -> dict[Ref, int]:
        """How often each value is still needed for the result; what is not needed is not computed."""
        ends = tree.flatten(self.calls.result) if last is None else [self.calls[last].outputs[0]]
        uses: dict[Ref, int] = {}
        for ref in ends:
            uses[ref] = uses.get(ref, 0) + 1
        for number in range(max(ref.call for ref in ends), -1, -1):
            call = self.calls[number]
            if any(uses.get(ref) for ref in call.outputs):
                for ref in call.inputs:
                    uses[ref] = uses.get(ref, 0) + 1
        return uses

    def _call(self, call: Call, args: Any, kwargs: Any, rule: Rule | None, linear: bool) -> Any:
        operation = call.operation
        is_activation = isinstance(operation, keras.layers.Activation)
        activation: Any = getattr(operation, "activation", None)
        if linear and (is_activation or is_squashing(operation)):
            return args[0]
        if type(operation) is CAST and operation.dtype in HALF:
            return args[0]
        if isinstance(operation, keras.Layer) and takes_training(operation):
            # a grouped convolution has a gradient on a CPU only in the form it trains in; nothing else of it changes
            kwargs = {**kwargs, "training": isinstance(operation, GroupedConv2D)}
        changes: dict[str, Any] = {}
        if linear:
            changes["activation"] = keras.activations.linear
        elif rule and is_rectifier(activation) and not is_activation:
            changes["activation"] = partial(_ruled, rule, activation)
        if getattr(operation, "compute_dtype", None) in HALF:
            changes["dtype_policy"] = keras.DTypePolicy("float32")
        with _changed(operation, changes):
            y = operation(*args, **kwargs)
        if rule and (is_rectifier(operation) or is_activation and is_rectifier(activation)):
            return rule(args[0], y)
        return y

    def _find_ends(self) -> None:
        """Fills `_linear` and `_sigmoids`."""
        uses = self._uses(None)
        for output in tree.flatten(self.calls.result):
            ref = output
            while type(self.calls[ref.call].operation) in MOVES and uses[ref] == 1 and self.calls[ref.call].inputs:
                ref = self.calls[ref.call].inputs[0]
            operation = self.calls[ref.call].operation
            activations = (operation, getattr(operation, "activation", None))
            if uses[ref] == 1 and any(map(is_squashing, activations)):
                self._linear.add(ref.call)
            if any(map(is_sigmoid, activations)):
                self._sigmoids[output] = ref.call


def inspected(model: "keras.Model | InspectedModel") -> InspectedModel:
    """`model` as an `InspectedModel`; one that is one already is returned as it is."""
    return model if isinstance(model, InspectedModel) else InspectedModel(model)


def _with_values(structure: Any, values: dict[Ref, tf.Tensor]) -> Any:
    """The structure with its `Ref`s replaced by the values they stand for."""
    return tree.map_structure(lambda x: _adapted(values[x], x) if isinstance(x, Ref) else x, structure)


def _adapted(value: tf.Tensor, ref: Ref) -> tf.Tensor:
    """The value as the nested models it entered take it: cast, and with or without a last axis of length one."""
    for shape, dtype in ref.adapted:
        value = tf.cast(value, "float32" if dtype in HALF else dtype)
        if len(value.shape) != len(shape):
            value = tf.squeeze(value, -1) if len(value.shape) > len(shape) else tf.expand_dims(value, -1)
    return value


def _ruled(rule: Rule, activation: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """The activation of `x`, with the gradient that the rule gives it."""
    return rule(x, activation(x))


@contextmanager
def _changed(thing: Any, attributes: dict[str, Any]) -> Iterator[None]:
    """Inside, the attributes have other values."""
    before = {key: getattr(thing, key) for key in attributes}
    try:
        for key, value in attributes.items():
            setattr(thing, key, value)
        yield
    finally:
        for key, value in before.items():
            setattr(thing, key, value)


def batches(network: InspectedModel, pictures: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first picture, checked pictures) in batches of at most `size`; see `checked`."""
    pictures = checked(pictures, network.shape, network.model.name)
    for start in range(0, len(pictures), size):
        yield start, pictures[start : start + size]


def checked(pictures: np.ndarray, shape: tuple, name: str) -> np.ndarray:
    """`pictures` as float32 [n, *shape].

    Grey pictures may come without a channel axis, and a single picture without a batch axis.

    Raises:
      UserError: they are of another size or kind, empty, or not finite numbers.
    """
    try:
        pictures = np.asarray(pictures, "float32")
    except (TypeError, ValueError):
        raise BadArgument(f"pictures must be an array of numbers [n, {text_of(shape)}].") from None
    if len(shape) == 3 and shape[-1] == 1 and pictures.ndim in (2, 3) and pictures.shape[-1] != 1:
        pictures = pictures[..., None]
    if pictures.ndim == len(shape):
        pictures = pictures[None]
    fits = pictures.ndim == len(shape) + 1 and all(
        want in (None, n) for n, want in zip(pictures.shape[1:], shape, strict=True)
    )
    if not fits or not len(pictures):
        raise BadArgument(f"{name} takes pictures of {text_of(shape)}, the array has shape {text_of(pictures.shape)}.")
    if not np.isfinite(pictures).all():
        raise BadArgument("the pictures hold values that are not finite.")
    return pictures


def text_of(shape: tuple) -> str:
    """A shape for people: "224x224x3", "?" for an open size."""
    return "x".join("?" if n is None else str(n) for n in shape)
