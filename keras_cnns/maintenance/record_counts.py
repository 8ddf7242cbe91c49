"""Builds every model, measures it and records the result: `python -m keras_cnns.maintenance.record_counts [PATTERN]`.

Writes counts.json, which `info` reads, and in a checkout tests/golden/models.json, which a changed network cannot pass.
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnns.blocks.dense_heads import trained_part
from keras_cnns.builder import build
from keras_cnns.models.fast_rcnn import parts
from keras_cnns.profiling.layer_table import totals
from keras_cnns.registry.registry import list_models
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tflite.rewrite.raw_boxes import is_one_stage

COUNTS = Path(__file__).parents[1] / "registry" / "counts.json"
GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "models.json"


def main(pattern: str = "*") -> None:
    """Records the networks that match `pattern` or are new; removes those that no longer exist."""
    chosen = set(list_models(pattern))
    for name in list_models():
        if name in chosen or name not in read(GOLDEN):
            record(name, measure(name))


def record(name: str, row: dict[str, Any]) -> None:
    """Writes the row of one network to both files, in the order of `list_models()`."""
    print(name, row, flush=True)
    counts = {key: row[key] for key in ("params", "trainable", "macs")}
    for path, value in ((COUNTS, counts), (GOLDEN, row)):
        if path.parent.is_dir():
            rows = {**read(path), name: value}
            write_json(path, {name: rows[name] for name in list_models() if name in rows})


def read(path: Path) -> dict[str, Any]:
    """The rows in a file, by name; empty if there is none."""
    return json.loads(path.read_text()) if path.exists() else {}


def measure(name: str) -> dict[str, Any]:
    """The counts of a network, the shapes of its levels, and a digest of its outputs with fixed weights."""
    levels = {level: list(x.shape[1:]) for level, x in build(name, features_only=True).output.items()}
    keras.backend.clear_session()
    model = build(name, classifier_activation=None)
    counts = totals(model)
    answer = digest(model)
    keras.backend.clear_session()
    return {**counts, "levels": levels, "digest": answer}


def digest(model: Any) -> list[float]:
    """Norm and first five numbers of the outputs, to 6 digits, for fixed weights and a fixed picture."""
    # 2 keeps the size of a signal through a ReLU; in many sums it grows until rounding hides the rest
    for gain in (2, 1, 0.5, 0.25):
        rng = np.random.default_rng(0)
        for v in model.weights:
            v.assign(fixed(v, gain, rng))
        picture = rng.uniform(0, 1, (1, *model.inputs[0].shape[1:])).astype("float32")
        outputs = keras.tree.flatten(_answer(model, picture))
        y = np.concatenate([keras.ops.convert_to_numpy(output).ravel() for output in outputs]).astype("float64")
        if np.abs(y).max() < 1e3:
            break
    return [float(f"{value:.6g}") for value in (np.linalg.norm(y), *y[:5])]


def _answer(model: Any, picture: np.ndarray) -> Any:
    """The outputs; of a detector, whose boxes jump if two scores are nearly equal, those of its parts for one box."""
    if "detections" not in [layer.name for layer in model.layers]:
        return model(picture, training=False)
    if is_one_stage(model):
        scores, deltas, _ = trained_part(model)(picture, training=False)
        return [scores, deltas]
    first, heads = parts(model)
    outputs = first(picture, training=False)
    level, *proposed = outputs if len(model.inputs) == 1 else [outputs]
    height, width = picture.shape[1:3]
    box = keras.ops.convert_to_tensor([[[width / 8, height / 8, width / 2, height / 2]]], "float32")
    return [*keras.tree.flatten(proposed), *heads([level, box], training=False)]


def fixed(v: Any, gain: float, rng: np.random.Generator) -> Any:
    """A value for the variable `v`: kernels of the given gain; gains, offsets and statistics differ from 1 and 0."""
    wave, kind = rng.uniform(-1, 1, v.shape).astype("float32"), v.path.rsplit("/", 1)[-1]
    if v.dtype != "float32":
        return keras.ops.convert_to_numpy(v)  # a random seed, a count
    if kind in ("gamma", "moving_variance"):
        return 1 + wave / 2
    if "kernel" not in kind:
        return wave / 5
    fan_in = np.prod(v.shape[:-2] if "depthwise" in v.path else v.shape[:-1])
    return wave * (3 * gain / fan_in) ** 0.5


if __name__ == "__main__":
    main(*sys.argv[1:])
