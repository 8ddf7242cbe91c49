"""A model whose inner values can be read, and through which gradients can be sent by other rules."""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_cnns.graph.calls import Calls, Ref
from keras_cnns.profiling.macs import FREE
from keras_cnns.support.errors import UserError

# activations that let the positive through: what a deconvnet rectifies on the way back
RECTIFIERS = set(
    ["relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "swish", "hard_silu", "hard_swish", "mish"]
    + ["softplus", "ReLU", "LeakyReLU", "PReLU", "ELU", "Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu"]
    + ["HardSilu", "HardSwish", "Softplus"]
)
SQUASHES = {"softmax", "sigmoid", "Softmax", "Sigmoid"}
HALF = ("float16", "bfloat16")


class Network:
    """The calls of a functional model with one picture as its input, run one after the other.

    Runs in inference mode and in float32, also where the model computes in half precision: its gradients would vanish.
    The softmax or sigmoid that ends a model is left out, so scores are those before it: a probability near 1 has hardly
    a gradient (Selvaraju et al. 2017, section 3).

    Raises:
      UserError: the model has no graph, or several inputs.
    """

    def __init__(self, model):
        self.model, self.calls = model, Calls(model)
        if len(self.calls.inputs) != 1:
            raise UserError(
                f"{model.name} has {len(self.calls.inputs)} inputs: only a model of one picture is explained."
            )
        self.shape = self.calls.inputs[0].shape[1:]
        self._linear = self._ends()

    def gradient(self, pictures, target, *, at=None, rule=None):
        """The value after call number `at` (None: the pictures), the gradient of the target's scores there, the scores.

        target: see `targets.py`. rule: (x, y) -> y of a rectifier, whose own gradient takes the rectifier's place.

        Raises:
          UserError: the target does not depend on that value.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            outputs, value = self.run(pictures, at=at, tape=tape, rule=rule, last=self.last(target))
            scores = target(outputs)
            total = tf.reduce_sum(scores)
        gradient = None if value is None else tape.gradient(total, value)
        if gradient is None:
            where = "the picture" if at is None else f"layer {self.calls[at].name!r}"
            raise UserError(f"what is asked for does not depend on {where}: choose a layer before it.")
        return value, gradient, scores

    def sizes(self, source):
        """(height, width, channels) of the pictures it takes; source: of the model, for the line.

        Raises:
          UserError: it takes something else, or pictures of any size.
        """
        if len(self.shape) != 3 or None in self.shape[:2] or self.shape[-1] not in (1, 3):
            raise UserError(
                f"{source} takes inputs of {_text(self.shape)}: pictures of a fixed size, grey or coloured, are needed."
            )
        return self.shape

    def output(self, which):
        """An output as targets ask for it: where they have no names of their own, their layers' names go too."""
        names = [self.calls[ref.call].name for ref in tree.flatten(self.calls.result)]
        return names.index(which) if not isinstance(self.calls.result, dict) and which in names else which

    def scores(self, pictures, target, *, whole=False):
        """The target's score of each picture, [n]; whole: with the softmax or sigmoid that ends the model."""
        return target(self.run(pictures, last=self.last(target), whole=whole)[0])

    def last(self, target):
        """The number of the call that the target looks at, None for the model's outputs."""
        layer = getattr(target, "layer", None)
        return None if layer is None else self.calls.find(layer)

    def run(self, pictures, *, at=None, tape=None, rule=None, last=None, whole=False):
        """The outputs in the model's own structure, or the value after call number `last`; and that after call `at`.

        tape: watches the value at `at`; what comes before it is not recorded. whole: nothing is left out at the end.
        """
        left = self._uses(last)
        values, kept = {self.calls.inputs[0]: tf.cast(pictures, tf.float32)}, None
        for number, call in enumerate(self.calls):
            if not any(left.get(ref) for ref in call.outputs):
                continue
            if number:
                args, kwargs = _filled((call.args, call.kwargs), values)
                results = tree.flatten(self._called(call, args, kwargs, rule, not whole and number in self._linear))
                values |= {ref: value for ref, value in zip(call.outputs, results, strict=True) if left.get(ref)}
            if number == (at or 0):
                kept = values[call.outputs[0]]
                if tape is not None:
                    tape.watch(kept)
            if number == last:
                return values[call.outputs[0]], kept
            for ref in call.inputs:
                left[ref] -= 1
                if not left[ref]:
                    del values[ref]  # memory: only what is still needed
        return tree.map_structure(values.get, self.calls.result), kept

    def _uses(self, last):
        """How often each value is still needed for the result; what is not needed is not computed."""
        ends = tree.flatten(self.calls.result) if last is None else [self.calls[last].outputs[0]]
        left, waiting = {}, [ref.call for ref in ends]
        for ref in ends:
            left[ref] = left.get(ref, 0) + 1
        for number in range(max(waiting), -1, -1):
            call = self.calls[number]
            if any(left.get(ref) for ref in call.outputs):
                for ref in call.inputs:
                    left[ref] = left.get(ref, 0) + 1
        return left

    def _called(self, call, args, kwargs, rule, linear):
        operation = call.operation
        if linear and call.kind in SQUASHES | {"Activation"}:
            return args[0]
        if call.kind == "Cast" and operation.dtype in HALF:
            return args[0]
        if isinstance(operation, keras.Layer) and getattr(operation, "_call_has_training_arg", False):
            # a grouped convolution has a gradient on a CPU only in the form it trains in; nothing else of it changes
            kwargs = {**kwargs, "training": call.kind == "GroupedConv2D"}
        swaps = {}
        if linear:
            swaps["activation"] = keras.activations.linear
        elif rule and _name(getattr(operation, "activation", None)) in RECTIFIERS and call.kind != "Activation":
            inner = operation.activation
            swaps["activation"] = lambda x: rule(x, inner(x))
        if getattr(operation, "compute_dtype", None) in HALF:
            swaps["dtype_policy"] = keras.DTypePolicy("float32")
        with _swapped(operation, swaps):
            y = operation(*args, **kwargs)
        if rule and (
            call.kind in RECTIFIERS or call.kind == "Activation" and _name(operation.activation) in RECTIFIERS
        ):
            return rule(args[0], y)
        return y

    def _ends(self):
        """The numbers of the calls whose softmax or sigmoid ends the model."""
        uses, found = self._uses(None), set()
        for ref in tree.flatten(self.calls.result):
            while self.calls[ref.call].kind in FREE and uses[ref] == 1 and self.calls[ref.call].inputs:
                ref = self.calls[ref.call].inputs[0]
            call = self.calls[ref.call]
            names = {call.kind, _name(getattr(call.operation, "activation", None))}
            if names & SQUASHES and uses[ref] == 1:
                found.add(ref.call)
        return found


def _filled(structure, values):
    return tree.map_structure(lambda x: values[x] if isinstance(x, Ref) else x, structure)


@contextmanager
def _swapped(thing, values):
    before = {key: getattr(thing, key) for key in values}
    try:
        for key, value in values.items():
            setattr(thing, key, value)
        yield
    finally:
        for key, value in before.items():
            setattr(thing, key, value)


def _name(activation):
    return getattr(activation, "__name__", type(activation).__name__)


def batches(network, pictures, size):
    """`pictures` as float32 batches of at most `size`, checked: an array [n, h, w, c], or one picture [h, w, c].

    Raises:
      UserError: they are not what the model takes.
    """
    pictures = checked(pictures, network.shape, network.model.name)
    for start in range(0, len(pictures), size):
        yield start, pictures[start : start + size]


def checked(pictures, shape, name):
    """`pictures` as float32 [n, *shape]; grey ones may come without a channel axis, a single one without a batch.

    Raises:
      UserError: they are of another size or kind, empty, or not numbers.
    """
    try:
        pictures = np.asarray(pictures, "float32")
    except (TypeError, ValueError):
        raise UserError(f"pictures must be an array of numbers [n, {_text(shape)}].") from None
    if len(shape) == 3 and shape[-1] == 1 and pictures.ndim in (2, 3) and pictures.shape[-1] != 1:
        pictures = pictures[..., None]
    if pictures.ndim == len(shape):
        pictures = pictures[None]
    fits = pictures.ndim == len(shape) + 1 and all(
        want in (None, n) for n, want in zip(pictures.shape[1:], shape, strict=True)
    )
    if not fits or not len(pictures):
        raise UserError(f"{name} takes pictures of {_text(shape)}, and was given an array of {_text(pictures.shape)}.")
    if not np.isfinite(pictures).all():
        raise UserError("the pictures hold values that are not finite.")
    return pictures


def _text(shape):
    return "x".join("?" if n is None else str(n) for n in shape)
