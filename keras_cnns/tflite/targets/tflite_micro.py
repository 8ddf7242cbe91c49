"""TensorFlow Lite for Microcontrollers, by its Python interpreter: the kernels of `tflite-micro` on this machine."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_cnns.tflite.file.contents import Subgraph, TFLiteFile
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.capture import captured
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites, Severity
from keras_cnns.tflite.targets.tensors import float_outputs, output_scale, stored_inputs
from keras_cnns.tflite.targets.tflite_micro_operators import SUPPORTED

INT4_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")  # take int4 weights, with int8 inputs
WRONG_WEIGHTS = 0.1  # from this relative error of a channel's weights on, the outputs are called wrong
TOO_SMALL = ("arena", "resize buffer")  # what its messages say of an arena that is too small
ALIGNMENT = 16  # bytes, of the arena
MOST_ARENA = 1 << 28  # bytes that the interpreter may use here; chips have a thousandth
RUNTIME = Runtime("tflite-micro", "tflite_micro", 'pip install "keras_cnns[tflite-micro]"')


class TFLiteMicro:
    """Its interpreter with all operators registered."""

    name = "tflite-micro"
    title = "TFLite Micro"
    install = RUNTIME.install

    def rewrites(self) -> Rewrites:
        return Rewrites(input_type="int8", output_type="int8")

    def findings(self, file: TFLiteFile) -> list[Finding]:
        graph = file.main
        findings = [
            *rules.dynamic_shapes(file, "its memory is planned before the first run"),
            *rules.custom_operators(file),
            *rules.unsupported(file, SUPPORTED, "tflite-micro"),
            *rules.types(file, ("FLOAT16",), "tflite-micro has no kernels for float16", "export as float32 or int8"),
            *_int4_weights(graph),
        ]
        hybrid = next((o for o in graph.operators if rules.is_hybrid(graph, o)), None)
        if hybrid:
            message = f"{graph.label(hybrid)} has float inputs and integer weights, which tflite-micro refuses"
            fix = "export as int8, or as float32"
            findings.append(Finding("hybrid-operator", "error", message, fix, operator=hybrid.name))
        return [*findings, *_per_channel_dequantize(graph)]

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        stored, count = stored_inputs(file, inputs)
        arrays = self.stored_outputs(file, stored)
        scales = {name: output_scale(file, tensor) for name, tensor in file.outputs.items()}
        return Outputs(float_outputs(file, arrays, count), scales)

    def stored_outputs(self, file: TFLiteFile, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs as the file stores them, {"0": (steps, batch, ...), ...}, for inputs from `stored_inputs`.

        Raises:
          UserError: as in `run`.
        """
        return self._child("predict", file, stored)[1]

    def placement(self, file: TFLiteFile) -> Placement:
        result, _ = self._child("allocate", file)
        return Placement(
            operators=len(file.main.operators), arena_bytes=result["arena_bytes"], flash_bytes=file.size_bytes
        )

    def _child(
        self, kind: str, file: TFLiteFile, inputs: dict[str, np.ndarray] | None = None
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        graph = file.main
        job = {"file": str(file.path.resolve()), "inputs": len(graph.inputs), "outputs": len(graph.outputs)}
        return run_child(RUNTIME, kind, job, inputs)


def _int4_weights(graph: Subgraph) -> list[Finding]:
    """The first operator that reads int4 without a kernel for it."""
    for operator in graph.operators:
        tensors = list(graph.read_by(operator))
        supported = operator.name in INT4_KERNELS and tensors and tensors[0].type == "INT8"
        if any(tensor.type == "INT4" for tensor in tensors) and not supported:
            message = f"tflite-micro reads int4 weights only with int8 inputs, unlike {graph.label(operator)}"
            return [Finding("type", "error", message, "use int8 weights", operator=operator.name)]
    return []


def _per_channel_dequantize(graph: Subgraph) -> list[Finding]:
    """The DEQUANTIZE whose weights come out worst: the kernel uses the first channel's scale for all channels."""
    worst, error = None, 0.0
    for operator in graph.operators:
        source = graph.tensor(operator.inputs[0]) if operator.name == "DEQUANTIZE" and operator.inputs else None
        if source and len(source.scales) > 1 and min(source.scales) > 0:
            wrong = max(abs(source.scales[0] / scale - 1) for scale in source.scales)
            worst, error = (operator, wrong) if wrong > error else (worst, error)
    if worst is None:
        return []
    message = (
        f"{graph.label(worst)} has a scale for each channel, and tflite-micro uses the first for all: "
        f"weights are wrong by up to {error:.0%}"
    )
    severity: Severity = "error" if error > WRONG_WEIGHTS else "warning"
    return [Finding("per-channel-dequantize", severity, message, "export as int8, or as float32", operator=worst.name)]


# --- in the child process ---------------------------------------------------------------------------------------------


def _opened(job: Mapping[str, Any]) -> Any:
    """The interpreter with an arena that fits."""
    size = 1 << 20
    while True:
        try:
            return _interpreter(job, size)
        except RuntimeError as error:
            if size >= MOST_ARENA or not any(word in str(error).lower() for word in TOO_SMALL):
                raise
            size *= 4


def _interpreter(job: Mapping[str, Any], size: int) -> Any:
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    return _printed_reason(lambda: Interpreter.from_file(job["file"], arena_size=size))


def _printed_reason(action: Callable[[], Any]) -> Any:
    """The result of an action; a failure's message begins with what the C++ library printed."""
    failure = None
    with captured(2) as printed:
        try:
            return action()
        except RuntimeError as error:
            failure = error
    lines = [re.sub(r"^.*/kernels/", "", line) for line in printed.text.splitlines() if line.strip()]
    raise RuntimeError(": ".join([*lines[:2], str(failure)]))


def _predict(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    interpreter = _opened(job)
    outputs: dict[str, list] = {str(i): [] for i in range(job["outputs"])}
    for step in range(len(inputs["0"])):
        for i in range(job["inputs"]):
            interpreter.set_input(inputs[str(i)][step], i)
        _printed_reason(interpreter.invoke)
        for i in range(job["outputs"]):
            outputs[str(i)].append(np.array(interpreter.get_output(i)))
    return {}, {name: np.stack(steps) for name, steps in outputs.items()}


def _allocate(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The bytes of arena that suffice: what the recording allocator counts, and more only if a run with that fails.

    Planning needs memory of its own for a moment, which the count leaves out.
    """
    interpreter = _opened(job)
    _run_on_zeros(job, interpreter)
    with captured(2) as printed:
        interpreter.print_allocations()
    total = re.search(r"Arena allocation total (\d+)", printed.text)
    if total is None:
        raise RuntimeError("its recording allocator printed no total")
    size = -(-int(total[1]) // ALIGNMENT) * ALIGNMENT
    while True:
        try:
            _run_on_zeros(job, _interpreter(job, size))
            return {"arena_bytes": size}, {}
        except RuntimeError:
            if size >= MOST_ARENA:
                raise
            size += max(size // 64, ALIGNMENT) // ALIGNMENT * ALIGNMENT


def _run_on_zeros(job: Mapping[str, Any], interpreter: Any) -> None:
    for i in range(job["inputs"]):
        detail = interpreter.get_input_details(i)
        interpreter.set_input(np.zeros(detail["shape"], detail["dtype"]), i)
    _printed_reason(interpreter.invoke)


JOBS = {"predict": _predict, "allocate": _allocate}
