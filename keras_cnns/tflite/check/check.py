"""`check`: what a `.tflite` file is, what is wrong with it, and which runtimes and chips take it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.support.validation import path_of
from keras_cnns.tflite.check.faults import faults
from keras_cnns.tflite.check.saturation import saturation
from keras_cnns.tflite.check.synthetic_pictures import synthetic_pictures
from keras_cnns.tflite.file.contents import Tensor, TFLiteFile
from keras_cnns.tflite.file.metadata_reader import NAME, read_metadata
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import runner, table
from keras_cnns.tflite.targets.target import Finding, Outputs
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.compare import compare
from keras_cnns.tflite.verify.on_targets import TargetResult, on_target


@dataclass(frozen=True)
class CheckReport:
    """What `check` says of a file.

    Attributes:
      path, size_bytes: of the file.
      inputs, outputs: name -> "1x224x224x3 float32".
      operators: name -> how many.
      findings: what is wrong with it wherever it runs, errors first.
      targets: what each runtime or chip made of it.
      pictures: how many it answered on; synthetic: whether they were made for it.
    """

    path: str
    size_bytes: int
    inputs: dict[str, str]
    outputs: dict[str, str]
    operators: dict[str, int]
    findings: tuple[Finding, ...]
    targets: tuple[TargetResult, ...]
    pictures: int
    synthetic: bool

    @property
    def sound(self) -> bool:
        """Whether there is no error in it and no target that was run refused it or answered wrongly."""
        wrong = any(finding.severity == "error" for finding in self.findings)
        return not wrong and all(result.status != "fail" for result in self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "sound": self.sound}


def check(path: str | Path, targets: str | Iterable[str] = "litert", pictures: np.ndarray | None = None) -> CheckReport:
    """Looks at a `.tflite` file, made by whatever tool, and runs it on `targets`.

    Args:
      path: of the file.
      targets: names of targets, or "all". LiteRT's answers are what the others are compared with.
      pictures: (N, height, width, channels) bytes, 0 to 255; the file's metadata says how they are prepared. By default
        synthetic ones.

    Raises:
      UserError: it is not a `.tflite` file, is damaged, or there is no such target.
    """
    file, chosen = read_contents(path_of(path)), table.select(targets)
    inputs = prepared_inputs(file, pictures)
    litert = table.find("litert")
    saturated: list[Finding] = []
    with runner.one_process():
        first = on_target(litert, file, inputs, _finite)
        others = [target for target in chosen if target is not litert]
        reference = litert.run(file, inputs) if first.answered and others else None
        if pictures is not None and first.answered:
            saturated = saturation(file, inputs)
    results = [first] if litert in chosen else []
    results += [on_target(target, file, inputs, lambda outputs: _beside(reference, outputs)) for target in others]
    names = [operator.name for graph in file.subgraphs for operator in graph.operators]
    return CheckReport(
        path=str(path),
        size_bytes=file.size_bytes,
        inputs={name: _words(tensor) for name, tensor in file.inputs.items()},
        outputs={name: _words(tensor) for name, tensor in file.outputs.items()},
        operators={name: names.count(name) for name in sorted(dict.fromkeys(names), key=names.count, reverse=True)},
        findings=tuple(faults(file) + saturated),
        targets=tuple(results),
        pictures=len(next(iter(inputs.values()))),
        synthetic=pictures is None,
    )


def prepared_inputs(file: TFLiteFile, pictures: np.ndarray | None) -> dict[str, np.ndarray]:
    """Pictures of bytes on the scale of the model's inputs; synthetic ones for None.

    Raises:
      BadArgument: the pictures do not fit the file.
    """
    inputs = {}
    for position, (name, tensor) in enumerate(file.inputs.items()):
        shape = tuple(max(size, 1) for size in tensor.shape[1:])
        if pictures is not None:
            if len(file.inputs) != 1 or pictures.shape[1:] != shape:
                raise BadArgument(f"the pictures are {pictures.shape[1:]}; {file.path.name} takes {shape}.")
            pixels = pictures.astype(np.float64)
        else:
            pixels = synthetic_pictures(shape, position)
        mean, std = normalization(file, position)
        inputs[name] = ((pixels - mean) / std).astype(np.float32)
    return inputs


def normalization(file: TFLiteFile, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the metadata; else 0 and 1 for bytes, and what a quantized range suggests."""
    try:
        described = read_metadata(file.metadata.get(NAME, b"")).inputs[position]
        if described.mean and len(described.mean) == len(described.std) and all(described.std):
            return np.asarray(described.mean), np.asarray(described.std)
    except (UnreadableFile, IndexError):
        pass
    tensor = list(file.inputs.values())[position]
    readers = file.main.readers.get(tensor.index, [])
    stored = [tensor, *(file.main.tensors[o.outputs[0]] for o in readers if o.name == "QUANTIZE")][-1]
    if stored.type in ("INT8", "UINT8") and len(stored.scales) == 1:
        limits = np.iinfo(stored.type.lower())
        low, high = ((int(limit) - stored.zero_points[0]) * stored.scales[0] for limit in (limits.min, limits.max))
        return np.asarray(-255 * low / (high - low)), np.asarray(255 / (high - low))
    return np.asarray(0.0), np.asarray(1.0)


def _finite(outputs: Outputs) -> tuple[str, tuple[str, ...]]:
    wrong = [name for name, values in outputs.arrays.items() if not np.isfinite(values).all()]
    return ("fail", (f"output {', '.join(wrong)} has NaN or infinity",)) if wrong else ("pass", ())


def _beside(reference: Outputs | None, outputs: Outputs) -> tuple[str, tuple[str, ...]]:
    """The verdict on answers beside LiteRT's, by the limits that an export keeps."""
    if reference is None:
        return _finite(outputs)
    comparisons = []
    for name, expected in reference.arrays.items():
        if name not in outputs.arrays or outputs.arrays[name].shape != expected.shape:
            return "fail", (f"output {name} is missing or has another shape than LiteRT's",)
        scale = reference.scales.get(name, 0.0)
        comparisons.append(compare(name, expected, outputs.arrays[name], kind=_kind(expected), scale=scale))
    status, reasons = verdict.judge(comparisons, "int8", name_kinds=False)
    return status, tuple(f"beside LiteRT's answers: {reason}" for reason in reasons)


def _kind(answers: np.ndarray) -> str:
    if np.issubdtype(answers.dtype, np.integer):
        return "classes"
    if answers.ndim in (2, 4) and answers.shape[-1] > 1 and sum_to_one(answers, 2e-2):
        return "classifier" if answers.ndim == 2 else "segmentation"
    return "regression"


def _words(tensor: Tensor) -> str:
    shape = "x".join("?" if size < 0 else str(size) for size in tensor.signature_shape)
    step = f", value = {tensor.scales[0]:.6g} * (n - {tensor.zero_points[0]})" if tensor.quantized else ""
    return f"{shape} {tensor.type.lower()}{step}"


def fixed_path(path: Path) -> Path:
    """The default path of the corrected file: `NAME.fixed.tflite` beside the file.

    Raises:
      UserError: the file is that one.
    """
    if path.name.endswith(".fixed.tflite"):
        raise UnreadableFile(f"{path} is already a corrected file: give another name with --out.")
    return path.with_name(f"{path.stem}.fixed.tflite")
