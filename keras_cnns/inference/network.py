"""A model file that is ready to run: one of Keras, or a `.tflite` file in LiteRT, without TensorFlow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import UnreadableFile, UnsupportedModel

KERAS = (".keras", ".h5", ".hdf5")  # endings of the model files that Keras 3 loads
Parts = tuple[Any, list[tuple[int, ...]], Callable[[np.ndarray], Any]]  # input shape, output shapes, how to run it


@dataclass(frozen=True)
class Network:
    """A model file that is ready to run."""

    file: Path
    shape: tuple[int, int, int]  # (height, width, channels) of the input
    output_shapes: list[tuple[int, ...]]  # without the batch
    run: Callable[[np.ndarray], Any]  # pictures [N, *shape] -> an array, or a dict or list of arrays
    card: Card


@contextmanager
def opened(model: Path) -> Iterator[Network]:
    """The model file, which takes one picture of a fixed size; it stays open inside the context.

    Raises:
      UserError: there is no such file, it is damaged, or it takes something else.
    """
    if model.suffix not in (*KERAS, ".tflite"):
        raise UnreadableFile(f"{model} is none of {', '.join((*KERAS, '.tflite'))}.")
    if model.suffix in KERAS:
        yield _network(model, _keras_parts(model))
        return
    from keras_cnns.tflite.targets.runner import Session

    with Session(model) as session:
        yield _network(model, _tflite_parts(model, session))


def _network(model: Path, parts: Parts) -> Network:
    shape, output_shapes, run = parts
    if len(shape) != 3 or None in shape:
        raise UnsupportedModel(f"{model} takes inputs of {shape}: pictures of a fixed size are needed.")
    return Network(model, shape, output_shapes, run, read_card(model))


def _tflite_parts(model: Path, session: Any) -> Parts:
    from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

    description = session.signature()
    shapes = list(description["inputs"].values())
    if len(shapes) != 1:
        raise UnsupportedModel(f"{model} has {len(shapes)} inputs: one picture is needed.")
    shape = tuple(None if n < 0 else n for n in shapes[0][1:])
    outputs = [row for row in description["output_details"] if row["name"] != CLASS_MAP]

    def run(pictures: np.ndarray) -> Any:
        answers = session.run(pictures)
        if not isinstance(answers, dict):
            return answers
        return {name: values for name, values in answers.items() if name != CLASS_MAP}

    return shape, [tuple(row["shape"][1:]) for row in outputs], run


def _keras_parts(model: Path) -> Parts:
    from keras_cnns.saving.keras_file import load_model

    network = load_model(model)
    if not getattr(network, "inputs", None):  # subclassed, or not built yet
        raise UnsupportedModel(f"{model} has no known input: give it a keras.Input, and save it again.")
    shape = tuple(network.input_shape[1:]) if isinstance(network.input_shape, tuple) else ()
    output_shapes = [tuple(output.shape[1:]) for output in network.outputs]
    return shape, output_shapes, lambda pictures: network.predict(pictures, verbose=0)
