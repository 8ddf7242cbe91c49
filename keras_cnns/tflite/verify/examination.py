"""Runs a file on LiteRT: its answers, its operators, and its time compared with the float32 file's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cnns.support import progress
from keras_cnns.tflite.targets import runner


@dataclass(frozen=True)
class Examination:
    """The results of running a file in a process of its own.

    Attributes:
      answers: (N, ...) floats by output name.
      scales: the step of each output, 0 for floats.
      operators: their number.
      undelegated: operator -> how many of them XNNPACK leaves to slower kernels.
      latency_ms: median time of a run on this host, one thread.
      latency_ratio: median of the file's time over the float32 file's, in alternating runs.
    """

    answers: dict[str, np.ndarray]
    scales: dict[str, float]
    operators: int
    undelegated: dict[str, int]
    latency_ms: float
    latency_ratio: float


def examine(file: Path, reference: Path, images: dict[str, np.ndarray]) -> Examination:
    """Runs `file` on `images`, and times it in turn with the float32 file `reference`.

    Raises:
      UserError: LiteRT cannot run the file.
    """
    count = len(next(iter(images.values()))) if images else 0
    with progress.step(f"running the file on {count} pictures and timing it"):
        result, answers = runner.ask("examine", images, file=str(file.resolve()), reference=str(reference))
    before, after = np.asarray(result["times_ms"])
    return Examination(
        answers,
        result["scales"],
        len(result["operators"]),
        result["undelegated"],
        latency_ms=float(np.median(after)),
        latency_ratio=float(np.median(after / before)),  # run by run: a busy machine slows both
    )
