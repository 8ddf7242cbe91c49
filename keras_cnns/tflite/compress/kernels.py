"""The kernels of a model that are pruned or clustered, and rules that hold for them after every training step."""

import gzip
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.support.errors import UnreadableFile, UnsupportedModel
from keras_cnns.support.types import Tensor
from keras_cnns.support.untrusted import open_regular
from keras_cnns.support.validation import path_of

SMALLEST = 1000  # kernels with fewer weights are left as they are: they save nothing and cost accuracy
KINDS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.Dense)


def kernels(model: keras.Model) -> list[keras.Variable]:
    """The kernels of all layers of a model, also of layers inside other layers."""
    variables = [getattr(layer, "kernel", None) for layer in sublayers(model)]
    return [kernel for kernel in variables if isinstance(kernel, keras.Variable)]


def large_kernels(model: keras.Model, smallest: int = SMALLEST) -> list[keras.Variable]:
    """The kernels with at least `smallest` weights of the convolutions and dense layers that train.

    Depthwise kernels are not among them, nor those of subclasses, which may compute something else with a kernel.

    Raises:
      UserError: there is none.
    """
    layers = [layer for layer in sublayers(model) if type(layer) in KINDS and layer.trainable]
    large = [layer.kernel for layer in layers if layer.kernel.trainable and np.prod(layer.kernel.shape) >= smallest]
    if not large:
        raise UnsupportedModel(
            f"{model.name} has no convolution or dense layer of {smallest} weights that trains: give a lower smallest=."
        )
    return large


def sparsity(model: keras.Model) -> float:
    """The fraction of zeros in the kernels of a model, 0 to 1.

    >>> keras_cnns.tflite.sparsity(pruned)
    0.79
    """
    values = [keras.ops.convert_to_numpy(kernel) for kernel in kernels(model)]
    return float(sum(np.sum(v == 0) for v in values) / max(1, sum(v.size for v in values)))


def gzip_size(file: str | Path | bytes | bytearray) -> int:
    """The size in bytes of a `.tflite` file (a path, or its content) after compression by gzip, as in a download.

    >>> keras_cnns.tflite.gzip_size("model.tflite") < Path("model.tflite").stat().st_size
    True

    Raises:
      UserError: there is no such file, or it cannot be read.
    """
    return len(gzip.compress(bytes(file) if isinstance(file, bytes | bytearray) else _content(file), 9, mtime=0))


def _content(file: str | Path) -> bytes:
    path = path_of(file, "the file")
    try:
        with open_regular(path) as content:
            return content.read()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}.") from None


class Rules:
    """Functions that are applied to kernels after every step of the optimizer, as Keras's constraints are.

    A kernel's own constraint is applied first.
    """

    def __init__(self) -> None:
        self._before: list[tuple[keras.Variable, Callable[[Tensor], Tensor] | None]] = []

    def add(self, kernel: keras.Variable, rule: Callable[[Tensor], Tensor]) -> None:
        own = kernel.constraint
        self._before.append((kernel, own))
        kernel.constraint = rule if own is None else lambda value: rule(own(value))

    def remove(self) -> None:
        """Gives the kernels their own constraints back."""
        for kernel, own in reversed(self._before):
            kernel.constraint = own
        self._before = []


class RuleCallback(keras.callbacks.Callback):
    """A callback whose rules hold during `fit`."""

    def __init__(self) -> None:
        super().__init__()
        self._rules = Rules()

    def set_rules(self, rules: Rules) -> None:
        """Sets the rules when a training begins; `rules` is filled."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._rules = Rules()
        self.set_rules(self._rules)
        self._compile_step()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._rules.remove()
        self._compile_step()

    def _compile_step(self) -> None:
        """An earlier `fit` has compiled the training step with the rules of that time."""
        self.model.make_train_function(force=True)
