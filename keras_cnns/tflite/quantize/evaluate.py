"""The answers of a flatbuffer to pictures, in floats, and the error between two such answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.inputs.pictures import thin
from keras_cnns.tflite.verify import measures


def answers(
    data: bytes, batches: Iterable[Mapping[str, np.ndarray]], tensors: Sequence[int] = ()
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The outputs of a file for pictures, and the values of some of its tensors in the same runs.

    Args:
      data: the flatbuffer, with one signature.
      batches: {input name: (batch, ...) floats} of each run.
      tensors: their numbers.

    Returns:
      ([runs, batch, ...] of each output, integers as floats; [runs * batch, ...] of each tensor).
    """
    file = Interpreter(model_content=bytes(data), num_threads=2, experimental_preserve_all_tensors=bool(tensors))
    file.allocate_tensors()
    runner = file.get_signature_runner("serving_default")
    outputs: list[list[np.ndarray]] = []
    seen: list[list[np.ndarray]] = [[] for _ in tensors]
    takes, gives = runner.get_input_details(), runner.get_output_details()
    for batch in batches:
        results = runner(**{name: _as_taken(value, takes[name]) for name, value in batch.items()})
        outputs.append([_as_meant(results[name], gives[name]) for name in sorted(results)])
        for kept, tensor in zip(seen, tensors, strict=True):
            kept.append(file.get_tensor(tensor))
    return [np.stack(runs) for runs in zip(*outputs, strict=True)], [np.concatenate(runs) for runs in seen]


def normalized_error(original: Sequence[np.ndarray], answered: Sequence[np.ndarray]) -> float:
    """The squared error of all outputs, divided by their variance.

    Probabilities are compared as logits. For class numbers it is the share that differs.
    """
    error = energy = 0.0
    for a, b in zip(original, answered, strict=True):
        if a.dtype.kind in "iu":
            error, energy = error + float(np.mean(a != b)), energy + 1.0
            continue
        if a.shape[-1:] > (1,) and sum_to_one(a.reshape(-1, a.shape[-1]), 1e-2):
            a, b = measures.logits(a), measures.logits(b)
        error += float(np.mean((a.astype(np.float64) - b) ** 2))
        energy += float(np.var(a.astype(np.float64)))
    return error / max(energy, 1e-30)


def check_finite(outputs: Sequence[np.ndarray], pictures: Mapping[str, np.ndarray], count: int, batch: int) -> None:
    """Refuses answers that are not finite, naming the picture: of `pictures`, thinned to `count`.

    Raises:
      UserError: an answer is NaN or infinite.
    """
    places = thin({"place": np.arange(len(next(iter(pictures.values()))))}, count)["place"]
    for output in outputs:
        endless = ~np.isfinite(output.reshape(len(output), -1)).all(1)
        if endless.any():
            place = places[int(np.argmax(endless)) * batch]
            raise UnsupportedModel(f"calibration picture {place} makes the answers NaN or infinite: leave it out.")


def _as_taken(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if not scale or values.dtype == detail["dtype"]:
        return values
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.rint(values / scale + zero), limits.min, limits.max).astype(detail["dtype"])


def _as_meant(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    return (values.astype(np.float32) - zero) * scale if scale else values
