"""A `.tflite` file opened in LiteRT, its inputs and outputs by name and in floats. Imports numpy and LiteRT only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CLASS_MAP = "class_map"  # the name of the output that `export(..., explain="cam")` adds


class File:
    """A `.tflite` file opened in LiteRT, with its inputs and outputs by signature name."""

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int = 1,
        xnnpack: bool = True,
        keep_tensors: bool = False,
        reference: bool = False,
    ) -> None:
        """xnnpack: with XNNPACK. reference: with the kernels that are written to be read, not to be fast.

        keep_tensors: intermediate results can be read after a run.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        if xnnpack and not keep_tensors:
            kernels = OpResolverType.AUTO
        if reference:
            kernels = OpResolverType.BUILTIN_REF
        self.interpreter = Interpreter(
            **_source(path),
            num_threads=threads,
            experimental_op_resolver_type=kernels,
            experimental_preserve_all_tensors=keep_tensors,
        )
        self.resized: int | None = None  # entries of one run, where the file leaves them open
        self.operators = [detail["op_name"] for detail in self.interpreter._get_ops_details()]
        self.interpreter.allocate_tensors()
        signatures = self.interpreter.get_signature_list()
        if signatures:
            signature = self.interpreter.get_signature_runner(
                "serving_default" if "serving_default" in signatures else next(iter(signatures))
            )
            order = [detail["index"] for detail in self.interpreter.get_output_details()]
            outputs = sorted(signature.get_output_details().items(), key=lambda item: order.index(item[1]["index"]))
            self.inputs, self.outputs = signature.get_input_details(), dict(outputs)
        else:
            self.inputs = {detail["name"]: detail for detail in self.interpreter.get_input_details()}
            self.outputs = {detail["name"]: detail for detail in self.interpreter.get_output_details()}

    @property
    def batch(self) -> int | None:
        """Entries of one run; None where the axis is open."""
        first = int(next(iter(self.inputs.values()))["shape_signature"][0])
        return None if first < 0 else first

    def resize(self, batch: int) -> None:
        """Opens a file of dynamic batch for `batch` entries at a time."""
        for detail in self.inputs.values():
            self.interpreter.resize_tensor_input(detail["index"], [batch, *detail["shape_signature"][1:]])
        self.interpreter.allocate_tensors()
        self.resized = batch

    def shape(self, detail: Mapping[str, Any]) -> np.ndarray:
        """The shape of an input as it is opened now."""
        return self.interpreter._get_tensor_details(detail["index"], 0)["shape"]

    def set(self, values: Mapping[str, np.ndarray]) -> None:
        """Copies one batch of floats into the inputs, converted by the file's scale and zero point for integer ones."""
        for name, detail in self.inputs.items():
            self.interpreter.set_tensor(detail["index"], quantized(values[name], detail))

    def get(self) -> dict[str, np.ndarray]:
        """The outputs of the last run, as floats where they have a scale."""
        return {
            name: dequantized(self.interpreter.get_tensor(detail["index"]), detail)
            for name, detail in self.outputs.items()
        }

    def step(self, detail: Mapping[str, Any]) -> float:
        """The distance between two answers of an output: its scale, or that of the integers it was a moment before."""
        for node in self.interpreter._get_ops_details():
            if node["op_name"] == "DEQUANTIZE" and detail["index"] in node["outputs"]:
                detail = self.interpreter._get_tensor_details(int(node["inputs"][0]), 0)
        return float(detail["quantization"][0])


def quantized(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """Floats as the input `detail` stores them."""
    kind, (scale, zero) = detail["dtype"], detail["quantization"]
    if scale and np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        values = np.clip(np.rint(values / scale) + zero, limits.min, limits.max)
    return np.ascontiguousarray(values, kind)


def dequantized(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """What the output `detail` stores, as floats."""
    scale, zero = detail["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale) if scale else values


def _source(path: str | Path) -> dict[str, Any]:
    """The arguments with which LiteRT opens a file. It takes names in UTF-8 only; other files are read here."""
    name = str(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return {"model_content": Path(path).read_bytes()}
    return {"model_path": name}
