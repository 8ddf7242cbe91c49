"""Faults of quantization: parameters that no kernel can use, types that do not fit, ranges that cost accuracy."""

from collections.abc import Callable, Iterator

import numpy as np

from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import NUMPY_TYPES, Operator, Subgraph, Tensor, TFLiteFile
from keras_cnns.tflite.targets.target import Finding, Severity

AGAIN = "quantize the model again"
PLACES = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
# int8 results whose step and zero point the kernels fix (LiteRT's 8-bit quantization specification)
FIXED = {
    "SOFTMAX": (1 / 256, -128),
    "LOGISTIC": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "L2_NORMALIZATION": (1 / 128, 0),
}
# operators that keep integers as they are, as LiteRT 2.3.0 does: kernels either refuse other scales or ignore them
SAME_STEP_NAMES = """
AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_TO CONCATENATION DEPTH_TO_SPACE EXPAND_DIMS GATHER GATHER_ND MAXIMUM
MAX_POOL_2D MINIMUM MIRROR_PAD PACK PAD PADV2 REDUCE_MAX REDUCE_MIN RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
REVERSE_V2 SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TILE TRANSPOSE UNPACK
"""
SAME_STEP = frozenset(SAME_STEP_NAMES.split())
OF_ALL_INPUTS = ("CONCATENATION", "MAXIMUM", "MINIMUM", "PACK")  # of those, with data in every input
AXIS_FIRST = ("SPLIT",)  # and with data in the second
ACTIVATIONS = ("INT8", "INT16", "UINT8")
LARGEST_SUM = 2**31 - 1  # of the kernels' accumulators
NOT_COMPUTED = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "CAST", "ARG_MAX", "TOPK_V2")


def _parameters(file: TFLiteFile) -> Iterator[Finding]:
    """Scales that are positive numbers, zero points inside the type, as many as the axis has entries."""
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            if reason := _wrong_parameters(tensor):
                yield Finding("quantization", "error", f"tensor {tensor.name!r}: {reason}", AGAIN)
                return


def _wrong_parameters(tensor: Tensor) -> str:
    if not tensor.scales or tensor.type not in ("INT8", "UINT8", "INT16", "INT32"):
        return ""
    scales, zeros = np.asarray(tensor.scales), np.asarray(tensor.zero_points or (0,))
    if not np.isfinite(scales).all() or (scales < 0).any() or ((scales == 0).any() and not tensor.constant):
        return f"its scale {scales[~(np.isfinite(scales) & (scales > 0))][0]:g} is not a positive number"
    limits = np.iinfo(NUMPY_TYPES[tensor.type])
    if (zeros < limits.min).any() or (zeros > limits.max).any():
        outside = zeros[(zeros < limits.min) | (zeros > limits.max)][0]
        return f"its zero point {outside} is outside {tensor.type.lower()}"
    if len(scales) > 1:
        if not 0 <= tensor.axis < len(tensor.shape) or tensor.shape[tensor.axis] != len(scales):
            return f"it has {len(scales)} scales for axis {tensor.axis} of the shape {list(tensor.shape)}"
        if tensor.type == "INT8" and zeros.any():
            return "its scales are per channel and its zero points are not 0"
    return ""


def _kernels(file: TFLiteFile) -> Iterator[Finding]:
    """Weights, biases and results of operators with weights that fit each other."""
    for graph in file.subgraphs:
        for operator in graph.operators:
            finding = _kernel(file, graph, operator)
            if finding is not None:
                yield finding
                return


def _kernel(file: TFLiteFile, graph: Subgraph, operator: Operator) -> Finding | None:
    if operator.name not in PLACES or len(operator.inputs) < 2:
        return None
    places = [operator.inputs[i] if i < len(operator.inputs) else -1 for i in PLACES[operator.name]]
    source, weights, bias = (graph.tensor(i) for i in places)
    (result,) = list(graph.made_by(operator))[:1]
    label = graph.label(operator)
    if source is None or weights is None:
        return None
    if source.type in ACTIVATIONS and weights.type in ("FLOAT32", "FLOAT16"):
        message = f"{label} reads {source.type.lower()} and has float weights, for which there is no kernel"
        return Finding("mixed-types", "error", message, AGAIN, operator=operator.name)
    if source.type == "FLOAT32" and result.type in ACTIVATIONS:
        message = f"{label} reads floats and gives {result.type.lower()}, for which there is no kernel"
        return Finding("mixed-types", "error", message, AGAIN, operator=operator.name)
    if source.type not in ACTIVATIONS or not source.scales or not weights.scales:
        return None
    if bias is not None and bias.scales and source.type in ("INT8", "INT16"):
        wanted = source.scales[0] * np.asarray(weights.scales)
        if len(bias.scales) not in (1, len(wanted)) or not np.allclose(bias.scales, wanted, rtol=1e-2, atol=1e-12):
            message = f"the bias of {label} has a scale other than that of its input times that of its weights"
            # TensorFlow's converter makes such files in int16x8: they run, with a bias that is off by some per cent
            severity: Severity = "error" if source.type == "INT8" else "warning"
            return Finding("bias-scale", severity, message, AGAIN, operator=operator.name)
    if source.type == "INT8" and (overflow := _largest_sum(file, source, weights, bias, operator)) > LARGEST_SUM:
        message = f"{label} can overflow its 32-bit sums ({overflow:.2g} of {LARGEST_SUM:.2g})"
        fix = "calibrate on pictures, or keep the layer in float: kernels wrap around or saturate, each in its own way"
        return Finding("overflow", "warning", message, fix, operator=operator.name)
    return None


def _largest_sum(file: TFLiteFile, source: Tensor, weights: Tensor, bias: Tensor | None, operator: Operator) -> float:
    """The largest sum that integers of the input's type can make, in absolute value; 0 where it is not known."""
    values = file.values(weights)
    if values is None or values.dtype != np.int8:
        return 0.0
    channel = 3 if operator.name == "DEPTHWISE_CONV_2D" else 0
    sums = np.abs(values.astype(np.int64)).sum(axis=tuple(i for i in range(values.ndim) if i != channel))
    zero = source.zero_points[0] if source.zero_points else 0
    largest = sums * max(127 - zero, zero + 128)
    added = file.values(bias) if bias is not None else None
    if added is not None and added.size == largest.size:
        largest = largest + np.abs(added.astype(np.int64))
    return float(largest.max())


def _fixed_results(file: TFLiteFile) -> Iterator[Finding]:
    """Results whose step the kernels fix, and operators that hand their step through."""
    for graph in file.subgraphs:
        for operator in graph.operators:
            results, sources = list(graph.made_by(operator)), list(graph.read_by(operator))
            if not results or not results[0].scales or results[0].type != "INT8":
                continue
            result, label = results[0], graph.label(operator)
            step, zero = FIXED.get(operator.name, (None, None))
            if step is not None and (
                not np.isclose(result.scales[0], step, rtol=1e-3) or result.zero_points[0] != zero
            ):
                message = f"the result of {label} has scale {result.scales[0]:g}; its kernel computes in {step:g}"
                yield Finding("result-scale", "error", message, AGAIN, operator=operator.name)
                return
            kept = sources if operator.name in OF_ALL_INPUTS else sources[operator.name in AXIS_FIRST :][:1]
            kept = [t for t in kept if t.type == result.type and t.scales]
            pairs = [(tensor, made) for tensor in kept for made in results if made.scales]
            if operator.name in SAME_STEP and any(_differ(tensor, made) for tensor, made in pairs):
                message = f"{label} keeps integers as they are, and its result has another scale than its input"
                yield Finding("result-scale", "error", message, AGAIN, operator=operator.name)
                return


def _differ(first: Tensor, second: Tensor) -> bool:
    return (
        not np.isclose(first.scales[0], second.scales[0], rtol=1e-3) or first.zero_points[:1] != second.zero_points[:1]
    )


def _half_steps(file: TFLiteFile) -> Iterator[Finding]:
    """An int8 input of -1..1 with scale 2/255 puts every byte exactly between two integers."""
    graph = file.main
    for name, tensor in file.inputs.items():
        stored = tensor
        if tensor.type == "FLOAT32":
            converted = [o for o in graph.readers.get(tensor.index, []) if o.name == "QUANTIZE"]
            if not converted:
                continue
            stored = graph.tensors[converted[0].outputs[0]]
        if stored.type != "INT8" or len(stored.scales) != 1:
            continue
        scale, zero = stored.scales[0], stored.zero_points[0]
        low, high = scale * (-128 - zero), scale * (127 - zero)
        pixels = 2 * np.arange(256) / 255 - 1
        steps = pixels / scale + zero
        if low <= -0.99 and 0.98 <= high <= 1.02 and np.allclose(steps - np.floor(steps), 0.5, atol=1e-3):
            message = (
                f"input {name}: its scale {scale:.6g} puts every byte of a picture scaled to -1..1 between two "
                "integers, so that rounding errors of the app change answers"
            )
            yield Finding(
                "half-step", "warning", message, "calibrate with a range from -1 to 1 + 1/127.5 (scale 1/127)"
            )


def _types(file: TFLiteFile) -> Iterator[Finding]:
    """Float operators between integers, and softmax in int8."""
    graph = file.main
    islands = [o for o in graph.operators if _is_island(graph, o)]
    if islands:
        labels = listed(map(graph.label, islands), 3)
        message = f"computed in float between integers, with a conversion before and behind: {labels}"
        yield Finding(
            "float-island", "note", message, "keep them if they are there for accuracy", operator=islands[0].name
        )
    softmax = [o for o in graph.operators if o.name == "SOFTMAX" and _first_type(graph, o) == "INT8"]
    if softmax:
        message = f"{graph.label(softmax[0])} computes in int8: probabilities are multiples of 1/256"
        yield Finding(
            "int8-softmax", "note", message, "export with float outputs where they are shown", operator="SOFTMAX"
        )


def _first_type(graph: Subgraph, operator: Operator) -> str:
    return next((tensor.type for tensor in graph.read_by(operator)), "")


def _is_island(graph: Subgraph, operator: Operator) -> bool:
    """A float operator behind a DEQUANTIZE of computed integers, whose result is made integers again."""
    if operator.name in NOT_COMPUTED:
        return False
    sources = [t for t in graph.read_by(operator) if not t.constant]
    makers = [graph.producers.get(t.index) for t in sources]
    before = any(
        maker is not None and maker.name == "DEQUANTIZE" and not graph.tensors[maker.inputs[0]].constant
        for maker in makers
    )
    readers = [reader for t in graph.made_by(operator) for reader in graph.readers.get(t.index, [])]
    return before and any(reader.name == "QUANTIZE" for reader in readers)


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (
    _parameters,
    _kernels,
    _fixed_results,
    _half_steps,
    _types,
)
