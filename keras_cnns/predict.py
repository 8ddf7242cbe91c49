"""Pictures in, labels out: with a `.keras` or a `.tflite` file."""

import sys
from pathlib import Path

import numpy as np

from keras_cnns.arguments import kind, number, path_of, short, whole
from keras_cnns.card import read_card
from keras_cnns.data.pictures import read_picture
from keras_cnns.errors import UserError


def predict(model, paths, *, top=5, low=0.0, high=255.0):
    """The `top` classes for each picture, which is cut and scaled as in the evaluation of the model's training.

    Args:
      model: the path of a `.keras` or `.tflite` file of a classifier.
      paths: of pictures; "-" is one on the standard input.
      low, high: what black and white are for the model; 0 and 255 where it has its preprocessing inside.

    Returns:
      One dict for each picture: "picture", and "classes", a list of (label, score), best first. Labels are the
      file's own, or class numbers where it has none. Scores are the model's outputs.

    Raises:
      UserError: a file is missing, damaged, or no classifier; a picture is no picture.
    """
    model = path_of(model, "model")
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    if not isinstance(paths, (list, tuple)):
        raise UserError(f"pictures are given as a list of paths, not as {kind(paths)}.")
    if not paths:
        raise UserError("no picture to look at: give one or more.")
    paths = [path_of(path, "a picture") for path in paths]
    if not whole(top, 1):
        raise UserError(f"top is {short(top)}: give a whole number from 1.")
    if not number(low) or not number(high):
        raise UserError(f"black and white are {short(low)} and {short(high)}: give two numbers.")
    shape, run = _opened(model)
    if len(shape) != 3 or None in shape:
        raise UserError(f"{model} takes inputs of {shape}: pictures of a fixed size are needed.")
    card = read_card(model)
    pictures = np.stack([read_picture(_picture(path), shape, **card.view()) for path in paths])
    scores = run(pictures * ((high - low) / 255) + low)
    if scores.ndim != 2:
        raise UserError(f"{model} answers with shape {scores.shape[1:]} for each picture: it is no classifier.")
    labels = card.labels or tuple(str(i) for i in range(scores.shape[1]))
    if len(labels) != scores.shape[1]:
        raise UserError(f"{model} has {len(labels)} labels for {scores.shape[1]} outputs.")
    best = np.argsort(-scores, axis=1)[:, :top]
    return [
        {"picture": str(path), "classes": [(labels[i], float(row[i])) for i in order]}
        for path, row, order in zip(paths, scores, best, strict=True)
    ]


def _picture(path):
    """A path, or the bytes of the picture that is piped in."""
    return sys.stdin.buffer.read() if str(path) == "-" else path


def _opened(model):
    """The input's shape without the batch, and a function from pictures to scores."""
    if model.suffix == ".tflite":
        from keras_cnns.tflite.proof import runner

        if not model.is_file():
            raise UserError(f"there is no file {model}.")
        shapes = runner.ask("describe", file=str(model.resolve()))[0]["inputs"].values()
        if len(shapes) != 1:
            raise UserError(f"{model} has {len(shapes)} inputs: a classifier has one.")
        (shape,) = (tuple(None if n < 0 else n for n in shape[1:]) for shape in shapes)
        return shape, lambda pictures: runner.scores(model, pictures)
    if model.suffix == ".keras":
        from keras_cnns.saved import load_model

        network = load_model(model)
        shape = tuple(network.input_shape[1:]) if isinstance(network.input_shape, tuple) else ()
        return shape, lambda pictures: _only(network.predict(pictures, verbose=0), model)
    raise UserError(f"{model} is neither a .keras nor a .tflite file.")


def _only(outputs, model):
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    if isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise UserError(f"{model} has {len(outputs)} outputs: a classifier has one.")
        outputs = outputs[0]
    return np.asarray(outputs)
