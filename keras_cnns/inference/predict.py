"""Pictures in; classes, boxes or masks out: with a `.keras` or a `.tflite` file. The latter runs without TensorFlow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.inference import network as networks
from keras_cnns.inference.items import Item, Paths, Shard, items
from keras_cnns.inference.network import Network
from keras_cnns.inference.pictures import read_picture, read_pixels
from keras_cnns.support.errors import BadArgument, UnreadableFile, UnsupportedModel, UserError
from keras_cnns.support.validation import number, path_of, short, whole

AT_ONCE, MEMORY = 32, 2**26  # pictures of one batch, and bytes that it may have


@dataclass(frozen=True)
class Options:
    """What is predicted, and how pictures are given to the model; see `predict`."""

    top: int = 5
    low: float = 0.0
    high: float = 255.0
    least: float = 0.5
    out: Path | None = None

    def __post_init__(self) -> None:
        if not whole(self.top, 1):
            raise BadArgument(f"top is {short(self.top)}: give a whole number of at least 1.")
        if not number(self.low) or not number(self.high):
            black_and_white = f"{short(self.low)} and {short(self.high)}"
            raise BadArgument(f"the values of black and white are {black_and_white}: give two numbers.")
        if not number(self.least):
            raise BadArgument(f"least is {short(self.least)}: give a score, such as 0.5.")

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels from 0 to 255 on the scale of the model."""
        return pixels.astype("float32", copy=False) * ((self.high - self.low) / 255) + self.low


def predict(
    model: str | Path,
    paths: Paths,
    *,
    top: int = 5,
    low: float = 0.0,
    high: float = 255.0,
    least: float = 0.5,
    out: str | Path | None = None,
    shard: str = "1/1",
) -> list[dict[str, Any]]:
    """Predicts the classes, boxes or masks of pictures, which are cropped and resized as in the model's evaluation.

    Args:
      model: path of a `.keras` or `.tflite` file of a classifier, a detector or a segmenter.
      paths: one or more pictures, folders of them, tar archives or TFRecord files; "-" reads one picture from the
        standard input.
      top: number of classes for each picture.
      low: the model's value for black; 0 if it has its preprocessing inside.
      high: the model's value for white; 255 if it has its preprocessing inside.
      least: smallest score of the boxes in the result.
      out: folder for copies of the pictures with boxes or masks drawn on them, and for the masks (NAME_mask.png).
      shard: which share of the pictures, such as "3/16"; see `items.Shard`.

    Returns:
      One dict for each picture, with "picture" (its path, ARCHIVE.tar/MEMBER or FILE.tfrecord#NUMBER) and
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
    options = Options(top, low, high, least, None if out is None else path_of(out, "out"))
    pictures = items(paths, Shard.of(shard))
    with networks.opened(model) as network:
        return list(answers(network, pictures, options))


def answers(
    network: Network, pictures: Iterable[Item], options: Options, *, skip_broken: bool = False
) -> Iterator[dict[str, Any]]:
    """The results of `predict`, one after the other; no more than a batch of pictures is held.

    skip_broken: a picture that cannot be read gets {"picture", "error"} instead of an error.

    Raises:
      UserError: as in `predict`.
    """
    task = _task(network)
    if task is None:
        return _classes(network, pictures, options, skip_broken)
    return (_placed(network, item, task, options, skip_broken) for item in pictures)


def _task(network: Network) -> str | None:
    if len(network.output_shapes) == 1 and len(network.output_shapes[0]) == 1:  # a classifier: nothing is drawn
        return None
    from keras_cnns.inference.drawing import kind_of_outputs

    return kind_of_outputs(network.output_shapes, network.shape[:2])


def _classes(
    network: Network, pictures: Iterable[Item], options: Options, skip_broken: bool
) -> Iterator[dict[str, Any]]:
    view, remaining = network.card.view(), iter(pictures)
    most = int(np.clip(MEMORY // (4 * np.prod(network.shape, dtype=np.int64)), 1, AT_ONCE))
    while batch := list(islice(remaining, most)):
        arrays: list[np.ndarray] = []
        errors: dict[int, str] = {}
        for place, item in enumerate(batch):
            try:
                arrays.append(read_picture(item.data, network.shape, **view))
            except UserError as error:
                if not skip_broken:
                    raise
                errors[place] = str(error)
        rows = iter(_rows(network, np.stack(arrays), options) if arrays else ())
        for place, item in enumerate(batch):
            if place in errors:
                yield {"picture": item.name, "error": errors[place]}
            else:
                yield {"picture": item.name, "classes": next(rows)}


def _rows(network: Network, pictures: np.ndarray, options: Options) -> list[list[tuple[str, float]]]:
    """[(label, score)] of each picture, the highest first."""
    scores = _single_output(network.run(options.scaled(pictures)), network.file)
    if scores.ndim != 2:
        raise UnsupportedModel(
            f"{network.file} answers with shape {scores.shape[1:]} for each picture: it is not a classifier."
        )
    labels = network.card.labels or tuple(str(i) for i in range(scores.shape[1]))
    if len(labels) != scores.shape[1]:
        raise UnreadableFile(f"{network.file} has {len(labels)} labels for {scores.shape[1]} outputs.")
    best = np.argsort(-scores, axis=1)[:, : options.top]
    return [[(labels[i], float(row[i])) for i in order] for row, order in zip(scores, best, strict=True)]


def _placed(network: Network, item: Item, task: str, options: Options, skip_broken: bool) -> dict[str, Any]:
    """A detector's or a segmenter's prediction for one picture, drawn if there is a folder."""
    from keras_cnns.inference import drawing

    labels, folder = network.card.labels, options.out
    height, width, channels = network.shape
    try:
        original = read_pixels(item.data, channels)
    except UserError as error:
        if not skip_broken:
            raise
        return {"picture": item.name, "error": str(error)}
    size = (original.shape[0], original.shape[1])
    image, scale = drawing.letterbox(original, (height, width))
    outputs = network.run(options.scaled(image[None, ..., :channels]))
    result: dict[str, Any] = {"picture": item.name, "size": list(size)}
    if task == drawing.DETECTOR:
        first = {name: np.asarray(values)[0] for name, values in outputs.items()}
        result["objects"] = drawing.boxes_of(first, scale, size, labels, options.least)
        if folder is not None:
            drawing.save(drawing.draw_boxes(original, result["objects"]), folder / f"{item.stem}.png")
        return result
    (scores,) = outputs.values() if isinstance(outputs, dict) else (outputs,)
    mask = drawing.mask_of(np.asarray(scores)[0], scale, size)
    result["classes"] = drawing.class_shares(mask, labels)
    if folder is not None:
        drawing.save(drawing.draw_mask(original, mask), folder / f"{item.stem}.png")
        drawing.save(drawing.mask_picture(mask), folder / f"{item.stem}_mask.png")
    return result


def _single_output(outputs: Any, model: Path) -> np.ndarray:
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    if isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise UnsupportedModel(f"{model} has {len(outputs)} outputs: a classifier has one.")
        outputs = outputs[0]
    return np.asarray(outputs)
