"""What an app has to know of a `.tflite` file: what it takes, what it gives, its classes, and how pictures are cut."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.saving.card import Card
from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.tflite.check.describe import describe
from keras_cnns.tflite.file.metadata_reader import NAME, read_metadata
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

CLASSIFIER, DETECTOR, SEGMENTER = "classifier", "detector", "segmenter"
BYTES = {"float32": 4, "uint8": 1, "int8": 1}  # of a value of an input or of scores
CLASS_NUMBERS = ("int32", "int64", "float32")  # types of a detector's output "classes"


@dataclass(frozen=True)
class Tensor:
    """An input or output. index: its place among them. value = scale * (number - zero_point); scale 0: the value.

    name: in the file's signature.
    """

    index: int
    type: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    name: str = ""


@dataclass(frozen=True)
class AppFacts:
    """A classifier, detector or segmenter in a file.

    name: of the network. file: the file's name. labels: one for each class. mean, std: a pixel from 0 to 255 becomes
    (pixel - mean) / std in each channel, and then a number of the input's type. crop: "centre" or "whole" for
    classifiers, else "letterbox"; crop_fraction: of the side of the centre. outputs: by role: "scores"; for detectors
    "boxes" and "classes" too; "class_map" where the file has one.
    """

    name: str
    file: str
    task: str
    input: Tensor
    outputs: dict[str, Tensor]
    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: str
    crop_fraction: float


def app_facts(path: str | Path) -> AppFacts:
    """The facts of the file at `path`.

    Raises:
      UnsupportedModel: it does not take one picture, or its outputs are not those of a classifier, detector or
        segmenter.
      UserError: there is no such file, or LiteRT cannot run it.
    """
    known = describe(path)
    if len(known["inputs"]) != 1:
        raise UnsupportedModel(f"{path} has {len(known['inputs'])} inputs: app code is written for one picture.")
    picture = _tensor(0, known["inputs"][0])
    if len(picture.shape) != 4 or picture.type not in BYTES or picture.shape[3] not in (1, 3) or min(picture.shape) < 1:
        raise UnsupportedModel(
            f"{path} takes {picture.type} of shape {picture.shape}: app code is written for pictures."
        )
    outputs = {row["name"]: _tensor(index, row) for index, row in enumerate(known["outputs"])}
    task, roles = _task(picture, outputs)
    if task is None:
        raise UnsupportedModel(
            f"{path} has the outputs {', '.join(outputs)}: it is not a classifier, detector or segmenter."
        )
    mean, std = _pixel_scale(path, picture.shape[3])
    view = Card(known["name"], (), known["source"]).view()
    classes = roles["scores"].shape[-1] if task != DETECTOR else len(known["labels"])
    labels = tuple(known["labels"]) if len(known["labels"]) == classes else tuple(map(str, range(classes)))
    return AppFacts(
        name=known["name"] or Path(path).stem,
        file=Path(path).name,
        task=task,
        input=picture,
        outputs=roles,
        labels=labels,
        mean=mean,
        std=std,
        crop=view.get("crop", "centre") if task == CLASSIFIER else "letterbox",
        crop_fraction=view.get("crop_fraction", 1.0),
    )


def _pixel_scale(path: str | Path, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) of each channel from the file's metadata; 0 and 1 where it states none that can be used."""
    data = read_contents(path).metadata.get(NAME)
    inputs = read_metadata(data).inputs if data else ()
    if inputs and inputs[0].mean and inputs[0].std:
        mean, std = (v * channels if len(v) == 1 else v for v in (inputs[0].mean, inputs[0].std))
        if len(mean) == len(std) == channels and np.isfinite([*mean, *std]).all() and all(std):
            return mean, std
    return (0.0,) * channels, (1.0,) * channels


def _tensor(index: int, row: dict[str, Any]) -> Tensor:
    shape, scale, zero_point = tuple(map(int, row["shape"])), float(row["scale"] or 0), int(row["zero_point"] or 0)
    return Tensor(index, row["type"], shape, scale, zero_point, row["name"])


def _task(picture: Tensor, outputs: dict[str, Tensor]) -> tuple[str | None, dict[str, Tensor]]:
    """(task, outputs by role); (None, {}) for outputs of another kind."""
    if set(outputs) == {"boxes", "classes", "scores"} and outputs["classes"].type in CLASS_NUMBERS:
        boxes, classes, scores = (outputs[name] for name in ("boxes", "classes", "scores"))
        floats = boxes.type == scores.type == "float32"
        fit = len(scores.shape) == 2 and classes.shape == scores.shape and boxes.shape == (*scores.shape, 4)
        return (DETECTOR, outputs) if floats and fit else (None, {})
    class_map = outputs.get(CLASS_MAP)
    others = [tensor for name, tensor in outputs.items() if name != CLASS_MAP]
    if len(others) != 1 or others[0].type not in BYTES:
        return None, {}
    (scores,) = others
    if len(scores.shape) == 2:
        fits = (
            class_map
            and class_map.type in BYTES
            and (len(class_map.shape), class_map.shape[-1:]) == (4, scores.shape[1:])
        )
        return CLASSIFIER, {"scores": scores} | ({"class_map": class_map} if class_map and fits else {})
    if len(scores.shape) == 4 and scores.shape[1:3] == picture.shape[1:3] and scores.shape[3] > 1:
        return SEGMENTER, {"scores": scores}
    return None, {}


def input_words(facts: AppFacts) -> str:
    """The input in words: what a pixel becomes, in which order."""
    order = "grey" if facts.input.shape[3] == 1 else "red, green, blue"
    kind = {"float32": "floats", "uint8": "bytes", "int8": "signed bytes"}[facts.input.type]
    low, high = ((pixel - np.array(facts.mean)) / np.array(facts.std) for pixel in (0, 255))
    if facts.input.scale:
        step, zero = facts.input.scale, facts.input.zero_point
        low, high = (np.round(value / step) + zero for value in (low, high))
    ends = f"{low.min():.4g} to {high.max():.4g}"
    return f"{kind} from {ends}, {order}, row by row"
