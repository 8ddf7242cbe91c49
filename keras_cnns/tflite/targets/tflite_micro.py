"""TensorFlow Lite for Microcontrollers, by its Python interpreter: the kernels of `tflite-micro` on this machine."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.capture import captured
from keras_cnns.tflite.targets.process import run_child
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites
from keras_cnns.tflite.targets.tensors import float_outputs, output_scale, stored_inputs

# Every operator that the interpreter of tflite-micro 0.dev20261023 registers: each was tried alone.
OPERATORS = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS
BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV
DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER
GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND
LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD
PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT
SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""
SUPPORTED = frozenset(OPERATORS.split())
MOST_ARENA = 1 << 28  # bytes that the interpreter may use here; chips have a thousandth


class TFLiteMicro:
    """Its interpreter with all operators registered."""

    name = "tflite-micro"
    title = "TFLite Micro"
    install = 'pip install "keras_cnns[tflite-micro]"'

    def rewrites(self) -> Rewrites:
        return Rewrites(input_type="int8", output_type="int8")

    def findings(self, file: TFLiteFile) -> list[Finding]:
        graph = file.main
        findings = [
            *rules.dynamic_shapes(file, "its memory is planned before the first run"),
            *rules.custom_operators(file),
            *rules.unsupported(file, SUPPORTED, "tflite-micro"),
            *rules.types(file, ("FLOAT16",), "tflite-micro has no kernels for float16", "export as float32 or int8"),
            *rules.types(file, ("INT4",), "tflite-micro dequantizes no int4 weights"),
        ]
        hybrid = next((o for o in graph.operators if rules.is_hybrid(graph, o)), None)
        if hybrid:
            message = f"{graph.label(hybrid)} has float inputs and integer weights, which tflite-micro refuses"
            fix = "export as int8, or as float32"
            findings.append(Finding("hybrid-operator", "error", message, fix, operator=hybrid.name))
        for operator in graph.operators:
            source = graph.tensor(operator.inputs[0]) if operator.inputs else None
            if operator.name == "DEQUANTIZE" and source and len(source.scales) > 1 and source.type in ("INT8", "INT16"):
                message = (
                    f"{graph.label(operator)} has a scale for each channel; tflite-micro uses the first for all, "
                    "and answers nonsense"
                )
                fix = "export as int8, or as float32"
                findings.append(Finding("per-channel-dequantize", "error", message, fix, operator=operator.name))
                break
        return findings

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        stored, count = stored_inputs(file, inputs)
        _, arrays = self._child("predict", file, stored)
        scales = {name: output_scale(file, tensor) for name, tensor in file.outputs.items()}
        return Outputs(float_outputs(file, arrays, count), scales)

    def placement(self, file: TFLiteFile) -> Placement:
        result, _ = self._child("allocate", file)
        return Placement(
            operators=len(file.main.operators), arena_bytes=result["arena_bytes"], flash_bytes=file.size_bytes
        )

    def _child(
        self, kind: str, file: TFLiteFile, inputs: dict[str, np.ndarray] | None = None
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        path = str(file.path.resolve())
        outputs = len(file.main.outputs)
        job = {"file": path, "inputs": len(file.main.inputs), "outputs": outputs}
        return run_child("tflite_micro", kind, job, inputs, runtime="tflite-micro", install=self.install, names=[path])


# --- in the child process ---------------------------------------------------------------------------------------------


def _opened(job: Mapping[str, Any]) -> Any:
    """The interpreter with an arena that fits."""
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    size = 1 << 20
    while True:
        try:
            return _printed_reason(lambda: Interpreter.from_file(job["file"], arena_size=size))  # noqa: B023
        except RuntimeError as error:
            if size >= MOST_ARENA or "arena" not in str(error).lower():
                raise
            size *= 4


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
    """The bytes of arena that the interpreter took, as its recording allocator counts them."""
    interpreter = _opened(job)
    for i in range(job["inputs"]):
        detail = interpreter.get_input_details(i)
        interpreter.set_input(np.zeros(detail["shape"], detail["dtype"]), i)
    _printed_reason(interpreter.invoke)
    with captured(2) as printed:
        interpreter.print_allocations()
    total = re.search(r"Arena allocation total (\d+)", printed.text)
    if total is None:
        raise RuntimeError("its recording allocator printed no total")
    return {"arena_bytes": int(total[1])}, {}


JOBS = {"predict": _predict, "allocate": _allocate}
