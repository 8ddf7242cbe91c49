"""OpenVINO on a CPU, which reads `.tflite` files itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import Operator, Subgraph, TFLiteFile
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites
from keras_cnns.tflite.targets.tensors import float_outputs, output_scale, stored_inputs

TIMED_RUNS = 30
LARGEST_SIDE = 1 << 16  # of a picture or channels; more is damage
INT16 = "OpenVINO 2026.4.1 answers wrongly for some networks with int16 activations"
RUNTIME = Runtime("OpenVINO", "openvino", 'pip install "keras_cnns[openvino]"')


class OpenVINO:
    """Its CPU plugin, computing in float32 where the file does.

    By default OpenVINO computes float32 networks in bfloat16 on CPUs that can, with answers that depend on the machine.
    """

    name = "openvino"
    title = "OpenVINO (CPU)"
    install = RUNTIME.install

    def rewrites(self) -> Rewrites:
        return Rewrites(nonzero_biases=True)

    def findings(self, file: TFLiteFile) -> list[Finding]:
        return [
            *rules.operator_codes(file, "OpenVINO takes such an operator for an ADD and refuses the file"),
            *rules.types(file, ("INT4",), "OpenVINO does not read int4 weights"),
            *rules.types(file, ("INT16",), INT16, "compare its answers, or export as int8 or float16", "warning"),
            *rules.several_subgraphs(file, "OpenVINO runs only the first"),
            *rules.custom_operators(file),
            *_missing_biases(file),
            *_nearest_resizes(file),
        ]

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        stored, count = stored_inputs(file, inputs)
        _, arrays = self._child("predict", file, stored)
        scales = {name: output_scale(file, tensor) for name, tensor in file.outputs.items()}
        return Outputs(float_outputs(file, arrays, count), scales)

    def placement(self, file: TFLiteFile) -> Placement:
        result, _ = self._child("time", file)
        return Placement(operators=len(file.main.operators), milliseconds=result["milliseconds"])

    def _child(
        self, kind: str, file: TFLiteFile, inputs: dict[str, np.ndarray] | None = None
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        job = {"file": str(file.path.resolve()), "batch": file.batch or 1}
        return run_child(RUNTIME, kind, job, inputs)


def _missing_biases(file: TFLiteFile) -> list[Finding]:
    """Two FULLY_CONNECTED in int8, one of them without a bias: wrong answers with one thread."""
    graph = file.main
    dense = [operator for operator in graph.operators if _is_per_channel(graph, operator)]
    without = [operator for operator in dense if not _has_bias(file, operator)]
    if len(dense) < 2 or not without:
        return []
    message = (
        f"{graph.label(without[0])} has no bias, or one of zeros: with one thread OpenVINO 2026.4.1 answers wrongly if "
        "a file has such an operator and another FULLY_CONNECTED, both with a scale for each channel"
    )
    fix = "export with target=openvino, or run OpenVINO with two threads"
    return [Finding("missing-bias", "error", message, fix, operator="FULLY_CONNECTED")]


def _is_per_channel(graph: Subgraph, operator: Operator) -> bool:
    if operator.name != "FULLY_CONNECTED" or len(operator.inputs) < 2:
        return False
    source, weights = (graph.tensor(i) for i in operator.inputs[:2])
    if source is None or weights is None:
        return False
    return source.type == weights.type == "INT8" and len(weights.scales) > 1


def _has_bias(file: TFLiteFile, operator: Operator) -> bool:
    bias = file.main.tensor(operator.inputs[2]) if len(operator.inputs) > 2 else None
    values = None if bias is None else file.values(bias)
    return bias is not None and (values is None or bool(values.any()))


def _nearest_resizes(file: TFLiteFile) -> list[Finding]:
    """RESIZE_NEAREST_NEIGHBOR whose `half_pixel_centers`, which OpenVINO ignores, makes a difference at its sizes."""
    graph = file.main
    resizes = [o for o in graph.operators if o.name == "RESIZE_NEAREST_NEIGHBOR" and _takes_other_pixels(graph, o)]
    if not resizes:
        return []
    message = (
        f"OpenVINO 2026.4.1 ignores half_pixel_centers of {listed(map(graph.label, resizes), 3)}, and takes other "
        "pixels than LiteRT"
    )
    fix = "enlarge by a whole number, as UpSampling2D does, or interpolate bilinearly"
    return [Finding("nearest-resize", "error", message, fix, operator="RESIZE_NEAREST_NEIGHBOR")]


def _takes_other_pixels(graph: Subgraph, operator: Operator) -> bool:
    ends = [*list(graph.read_by(operator))[:1], *graph.made_by(operator)]
    if len(ends) != 2 or not getattr(operator.options, "halfPixelCenters", False):
        return False
    source, result = ends
    if any(t.dynamic or len(t.shape) != 4 or not 0 < min(t.shape) <= max(t.shape) <= LARGEST_SIDE for t in ends):
        return False
    align = bool(operator.options.alignCorners)
    return any(
        not np.array_equal(_nearest(old, new, align, 0.5), _nearest(old, new, align, 0.0))
        for old, new in zip(source.shape[1:3], result.shape[1:3], strict=True)
    )


def _nearest(old: int, new: int, align: bool, offset: float) -> np.ndarray:
    """The rows or columns that LiteRT's kernel takes when it resizes `old` of them to `new`. offset: of their centres.

    It computes in float32, and so does this function.
    """
    scale = (old - 1) / (new - 1) if align and new > 1 else old / new
    positions = (np.arange(new, dtype=np.float32) + np.float32(offset)) * np.float32(scale)
    return np.clip(np.floor(positions + np.float32(0.5 * align)), 0, old - 1)


# --- in the child process ---------------------------------------------------------------------------------------------


def _opened(job: Mapping[str, Any]) -> Any:
    import openvino

    core = openvino.Core()
    model = core.read_model(job["file"])
    shapes = {
        port: [job["batch"], *list(port.partial_shape)[1:]] for port in model.inputs if port.partial_shape.is_dynamic
    }
    if shapes:
        model.reshape(shapes)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return core.compile_model(model, "CPU", settings)


def _predict(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    model = _opened(job)
    request = model.create_infer_request()
    outputs: dict[str, list] = {str(i): [] for i in range(len(model.outputs))}
    for step in range(len(inputs["0"])):
        request.infer({i: inputs[str(i)][step] for i in range(len(model.inputs))})
        for i in range(len(model.outputs)):
            outputs[str(i)].append(np.array(request.get_output_tensor(i).data))
    return {}, {name: np.stack(steps) for name, steps in outputs.items()}


def _time(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    import time

    model = _opened(job)
    request = model.create_infer_request()
    zeros = {i: np.zeros(list(port.shape), port.element_type.to_dtype()) for i, port in enumerate(model.inputs)}
    milliseconds = []
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        request.infer(zeros)
        milliseconds.append(1e3 * (time.perf_counter() - start))
    return {"milliseconds": float(np.median(milliseconds))}, {}


JOBS = {"predict": _predict, "time": _time}
