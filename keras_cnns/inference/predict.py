"""Pictures in; classes, boxes or masks out: with a `.keras` or a `.tflite` file. The latter runs without TensorFlow."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.data.sources import walk
from keras_cnns.inference import drawing
from keras_cnns.inference.pictures import read_picture, read_pixels
from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import BadArgument, UnreadableFile, UnsupportedModel
from keras_cnns.support.validation import kind, number, path_of, short, whole

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Network:
    """A model file that is ready to run."""

    file: Path
    shape: tuple[int, int, int]  # (height, width, channels) of the input
    output_shapes: list[tuple[int, ...]]  # without the batch
    run: Callable[[np.ndarray], Any]  # pictures [N, *shape] -> an array, or a dict or list of arrays
    card: Card


def predict(
    model: str | Path,
    paths: Paths,
    *,
    top: int = 5,
    low: float = 0.0,
    high: float = 255.0,
    least: float = 0.5,
    out: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Predicts the classes, boxes or masks of pictures, which are cropped and resized as in the model's evaluation.

    Args:
      model: path of a `.keras` or `.tflite` file of a classifier, a detector or a segmenter.
      paths: one or more pictures, or folders of them; "-" reads one from the standard input.
      top: number of classes for each picture.
      low: the model's value for black; 0 if it has its preprocessing inside.
      high: the model's value for white; 255 if it has its preprocessing inside.
      least: smallest score of the boxes in the result.
      out: folder for copies of the pictures with boxes or masks drawn on them, and for the masks (NAME_mask.png).

    Returns:
      One dict for each picture, with "picture" (its path) and
      - of a classifier "classes": a list of (label, score), highest first;
      - of a detector "size" (height, width) and "objects", see `drawing.boxes_of`;
      - of a segmenter "size" and "classes": a list of (label, fraction of the pixels).
      Labels are those in the file, or class numbers if it has none.

    Raises:
      UserError: the model or a picture is missing, damaged or of another kind, or an argument is out of range.

    >>> keras_cnns.predict("lenet5_int8.tflite", "digit.png", top=1)
    [{'picture': 'digit.png', 'classes': [('7', 0.998)]}]
    """
    model = path_of(model, "model")
    pictures = _pictures(paths)
    if not whole(top, 1):
        raise BadArgument(f"top is {short(top)}: give a whole number of at least 1.")
    if not number(low) or not number(high):
        raise BadArgument(f"the values of black and white are {short(low)} and {short(high)}: give two numbers.")
    if not number(least):
        raise BadArgument(f"least is {short(least)}: give a score, such as 0.5.")
    folder = None if out is None else path_of(out, "out")
    network = _open(model)
    task = drawing.kind_of_outputs(network.output_shapes, network.shape[:2])
    if task:
        return [_placed(network, picture, task, (low, high), least, folder) for picture in pictures]
    return _classes(network, pictures, top, (low, high))


def _classes(network: Network, pictures: list[Path], top: int, pixels: tuple[float, float]) -> list[dict[str, Any]]:
    low, high = pixels
    view = network.card.view()
    batch = np.stack([read_picture(_data(picture), network.shape, **view) for picture in pictures])
    scores = _single_output(network.run(batch * ((high - low) / 255) + low), network.file)
    if scores.ndim != 2:
        raise UnsupportedModel(
            f"{network.file} answers with shape {scores.shape[1:]} for each picture: it is not a classifier."
        )
    labels = network.card.labels or tuple(str(i) for i in range(scores.shape[1]))
    if len(labels) != scores.shape[1]:
        raise UnreadableFile(f"{network.file} has {len(labels)} labels for {scores.shape[1]} outputs.")
    best = np.argsort(-scores, axis=1)[:, :top]
    return [
        {"picture": str(picture), "classes": [(labels[i], float(row[i])) for i in order]}
        for picture, row, order in zip(pictures, scores, best, strict=True)
    ]


def _placed(
    network: Network, picture: Path, task: str, pixels: tuple[float, float], least: float, folder: Path | None
) -> dict[str, Any]:
    """A detector's or a segmenter's prediction for one picture, drawn if there is a folder."""
    (low, high), labels = pixels, network.card.labels
    height, width, channels = network.shape
    original = read_pixels(_data(picture), channels)
    size = (original.shape[0], original.shape[1])
    image, scale = drawing.letterbox(original, (height, width))
    outputs = network.run(image[None, ..., :channels].astype("float32") * ((high - low) / 255) + low)
    stem = "picture" if str(picture) == "-" else picture.stem
    result: dict[str, Any] = {"picture": str(picture), "size": list(size)}
    if task == drawing.DETECTOR:
        first = {name: np.asarray(values)[0] for name, values in outputs.items()}
        result["objects"] = drawing.boxes_of(first, scale, size, labels, least)
        if folder is not None:
            drawing.save(drawing.draw_boxes(original, result["objects"]), folder / f"{stem}.png")
        return result
    (scores,) = outputs.values() if isinstance(outputs, dict) else (outputs,)
    mask = drawing.mask_of(np.asarray(scores)[0], scale, size)
    result["classes"] = drawing.class_shares(mask, labels)
    if folder is not None:
        drawing.save(drawing.draw_mask(original, mask), folder / f"{stem}.png")
        drawing.save(drawing.mask_picture(mask), folder / f"{stem}_mask.png")
    return result


def _pictures(paths: Paths) -> list[Path]:
    """The paths, with those in a folder and below in its place."""
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    if not isinstance(paths, (list, tuple)):
        raise BadArgument(f"pictures must be a list of paths, not {kind(paths)}.")
    if not paths:
        raise BadArgument("there is no picture to predict: give one or more.")
    pictures: list[Path] = []
    for path in (path_of(path, "a picture") for path in paths):
        if str(path) == "-" or not path.is_dir():
            pictures.append(path)
            continue
        inside = walk.pictures(path)
        if not inside:
            raise UnreadableFile(f"there are no pictures in {path}.")
        pictures += inside
    return pictures


def _data(picture: Path) -> Path | bytes:
    """The path of a picture, or the bytes of the one that is piped in."""
    return sys.stdin.buffer.read() if str(picture) == "-" else picture


def _open(model: Path) -> Network:
    """The model file, checked to take one picture of a fixed size."""
    if model.suffix not in (".keras", ".tflite"):
        raise UnreadableFile(f"{model} is neither a .keras nor a .tflite file.")
    shape, output_shapes, run = (_open_tflite if model.suffix == ".tflite" else _open_keras)(model)
    if len(shape) != 3 or None in shape:
        raise UnsupportedModel(f"{model} takes inputs of {shape}: pictures of a fixed size are needed.")
    return Network(model, shape, output_shapes, run, read_card(model))


def _open_tflite(model: Path) -> tuple[Any, list[tuple[int, ...]], Callable[[np.ndarray], Any]]:
    from keras_cnns.tflite.targets import runner
    from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

    if not model.is_file():
        raise UnreadableFile(f"there is no file {model}.")
    description = runner.ask("describe", file=str(model.resolve()))[0]
    shapes = list(description["inputs"].values())
    if len(shapes) != 1:
        raise UnsupportedModel(f"{model} has {len(shapes)} inputs: one picture is needed.")
    shape = tuple(None if n < 0 else n for n in shapes[0][1:])
    outputs = [row for row in description["output_details"] if row["name"] != CLASS_MAP]

    def run(pictures: np.ndarray) -> Any:
        answers = runner.predict(model, pictures)
        if not isinstance(answers, dict):
            return answers
        return {name: values for name, values in answers.items() if name != CLASS_MAP}

    return shape, [tuple(row["shape"][1:]) for row in outputs], run


def _open_keras(model: Path) -> tuple[Any, list[tuple[int, ...]], Callable[[np.ndarray], Any]]:
    from keras_cnns.saving.keras_file import load_model

    network = load_model(model)
    if not getattr(network, "inputs", None):  # subclassed, or not built yet
        raise UnsupportedModel(f"{model} has no known input: give it a keras.Input, and save it again.")
    shape = tuple(network.input_shape[1:]) if isinstance(network.input_shape, tuple) else ()
    output_shapes = [tuple(output.shape[1:]) for output in network.outputs]
    return shape, output_shapes, lambda pictures: network.predict(pictures, verbose=0)


def _single_output(outputs: Any, model: Path) -> np.ndarray:
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    if isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise UnsupportedModel(f"{model} has {len(outputs)} outputs: a classifier has one.")
        outputs = outputs[0]
    return np.asarray(outputs)
