"""The original of the files: the model's own answers, and how each of its outputs is judged."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.inputs.gather import Pictures
from keras_cnns.tflite.verify.float_answers import float_answers
from keras_cnns.tflite.verify.outputs import Output, compare_outputs, judged_outputs
from keras_cnns.tflite.verify.verdict import Comparison

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Original:
    """What files are compared with.

    Attributes:
      answers: (N, ...) of the model by output name, on the images of `pictures`.
      outputs: how each output is judged, by name.
      pictures: what the answers are computed on.
      source_answers: those of the model before `quantization_aware`; empty where there is none, or it is not known.
    """

    answers: Arrays
    outputs: dict[str, Output]
    pictures: Pictures
    source_answers: Arrays = field(default_factory=dict)

    @classmethod
    def of(cls, model: FloatModel, pictures: Pictures, stated: Any, source: keras.Model | None) -> "Original":
        """Computes the answers of `model`.

        stated: what the caller says the outputs are. source: the model before `quantization_aware`, if known.

        Raises:
          UserError: the model cannot be called, or labels or what is stated do not fit its outputs.
        """
        images = pictures.images
        answers = float_answers(model.model, images, inputs=model.inputs, outputs=model.outputs)
        options = {"stated": stated, "name": model.model.name}
        outputs = judged_outputs(model.endings(stated), answers, images, pictures.labels, **options)
        if source is None or not model.is_quantization_aware:
            return cls(answers, outputs, pictures)
        source_answers = float_answers(FloatModel.of(source).model, images, inputs=model.inputs)
        if len(source_answers) == len(answers):
            source_answers = dict(zip(answers, source_answers.values(), strict=True))
        return cls(answers, outputs, pictures, source_answers)

    def compare(self, answers: Arrays, scales: dict[str, float]) -> tuple[Comparison, ...]:
        """A `Comparison` of each output of a file.

        answers: (N, ...) of the file by output name. scales: the step of each output, 0 for floats.
        """
        return compare_outputs(self.answers, answers, self.outputs, scales, are_noise=self.pictures.are_noise)

    def compare_with_source(self, answers: Arrays) -> tuple[Comparison, ...]:
        """The same with the model before `quantization_aware`; empty where it is not known."""
        known = {
            name: output
            for name, output in self.outputs.items()
            if name in self.source_answers and self.source_answers[name].shape == answers[name].shape
        }
        return compare_outputs(self.source_answers, answers, known, dict.fromkeys(known, 0.0))
