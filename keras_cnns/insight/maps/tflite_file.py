"""Explains a `.tflite` file, which has no gradients: by occlusion, or by the class map that the file outputs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.insight.maps import targets
from keras_cnns.insight.maps.base import enlarged
from keras_cnns.insight.maps.occlusion import occlude
from keras_cnns.support.errors import BadArgument, UnreadableFile, UnsupportedModel
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

METHODS = ("occlusion", "cam")
BEHIND = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")  # operators that may follow the sigmoid of a file


class File:
    """A `.tflite` file that takes one picture of shape `shape`.

    Raises:
      UserError: there is no such file, or its input is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise UnreadableFile(f"there is no file {path}.")
        shapes = [tuple(s[1:]) for s in runner.ask("describe", file=str(path.resolve()))[0]["inputs"].values()]
        self.shape = shapes[0]
        if len(shapes) != 1 or len(self.shape) != 3 or min(self.shape) < 1 or self.shape[-1] not in (1, 3):
            shapes_text = ", ".join(map(str, shapes))
            raise UnsupportedModel(f"{path} takes inputs of {shapes_text}: one picture of a fixed size is needed.")

    def run(self, pictures: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """({name: outputs} without the class map, the class map or None)."""
        outputs = runner.ask("predict", {"*": np.asarray(pictures, "float32")}, file=str(self.path.resolve()))[1]
        return {name: array for name, array in outputs.items() if name != CLASS_MAP}, outputs.get(CLASS_MAP)

    def maps(self, method: str, pictures: np.ndarray, target: targets.Class) -> tuple[np.ndarray, np.ndarray]:
        """(maps [n, h, w], the class of each picture).

        Args:
          method: one of METHODS.
          pictures: [n, height, width, channels].
          target: a `Class`; scores are the outputs of the file, unchanged.

        Raises:
          UserError: the method needs gradients or a class map that the file does not have, or there is no such class.
        """
        if method not in METHODS:
            raise BadArgument(
                f"{method} needs gradients, which a .tflite file does not have: use occlusion, the .keras file, or cam "
                "of a file that was exported with explain=cam."
            )
        answers, class_map = self.run(pictures)
        target = self._of_sigmoid(target, answers)
        if method == "cam" and class_map is None:
            raise BadArgument(
                f"{self.path} has no class map: `keras-cnns export MODEL --explain cam` makes such a file."
            )
        target(answers)  # raises UserError if there is no such class
        index: Any = target.settled(answers).index
        classes = np.broadcast_to(index, len(pictures))
        if method == "cam" and class_map is not None:
            if target.sigmoid:  # one map, which speaks for class 1
                class_map = np.concatenate([-class_map, class_map], axis=-1)
            chosen = np.stack([maps[..., number] for maps, number in zip(class_map, classes, strict=True)])
            return np.asarray(enlarged(chosen, pictures)), classes
        wanted = [replace(target, index=int(index)) for index in classes]
        score = [lambda covered, goal=goal: goal(self.run(covered)[0]) for goal in wanted]
        return np.stack([occlude(s, picture, batch=10**4) for s, picture in zip(score, pictures, strict=True)]), classes

    def _of_sigmoid(self, target: targets.Class, answers: dict[str, np.ndarray]) -> targets.Class:
        """The target with a mark that its output is a single sigmoid, the probability of class 1, if it is."""
        score = targets.pick(answers, target.output)
        if np.ndim(score) != 2 or score.shape[1] != 1:
            return target
        name = next(name for name, answer in answers.items() if answer is score)
        contents = read_contents(self.path)
        operator = contents.main.producers.get(contents.outputs[name].index) if name in contents.outputs else None
        while operator is not None and operator.name in BEHIND:
            operator = contents.main.producers.get(operator.inputs[0])
        is_sigmoid = operator is not None and operator.name == "LOGISTIC"
        return replace(target, sigmoid="probability") if is_sigmoid else target
