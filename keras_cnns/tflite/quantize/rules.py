"""How each scheme is made from LiteRT Quantizer's recipes: what it leaves out, and what it keeps in finer types."""

import copy
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from litert_quantizer import qtyping, quantizer, recipe

from keras_cnns.support.errors import UnsupportedModel, nearest
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.tflite.file import repair
from keras_cnns.tflite.quantize import (
    bias_overflow,
    bit_allocation,
    float16_biases,
    float_operators,
    ranges,
    sensitivity,
)
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.ranges import quantizer_quiet
from keras_cnns.tflite.quantize.settings import Tuning
from keras_cnns.tflite.quantize.steps import File
from keras_cnns.tflite.targets import runner

Op = qtyping.TFLOperationName
Rule: TypeAlias = Callable[[], list[dict[str, Any]]]  # a recipe of the quantizer
SMALL = 0.2  # of the float32 file
SMALL_KERNEL = 1024  # numbers, as in the stock converter

_FLOAT16 = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
    compute_precision=qtyping.ComputePrecision.FLOAT,
    explicit_dequantize=True,
)


def unchanged(data: bytes, job: Job) -> bytes:
    return data


WEIGHTED = (Op.FULLY_CONNECTED, Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.CONV_2D_TRANSPOSE)
IN_FOUR_BITS = (Op.FULLY_CONNECTED, Op.CONV_2D)
PLAIN = recipe.AlgorithmName.MIN_MAX_UNIFORM_QUANT
ALGORITHMS = {"mse": recipe.AlgorithmName.MSE, "octav": recipe.AlgorithmName.OCTAV}


def _quantizer(data: bytes, rule: Rule, tuning: Tuning, where: str = ".*") -> quantizer.Quantizer:
    """LiteRT Quantizer with one rule for what is called `where`, whose weights get their scales as `tuning` says."""
    result, config = quantizer.Quantizer(data), _config(rule)
    result.update_quantization_recipe(where, Op.ALL_SUPPORTED, config, PLAIN)
    able = WEIGHTED if config.weight_tensor_config.num_bits == 8 else IN_FOUR_BITS
    for operation in able if tuning.scales in ALGORITHMS else ():
        result.update_quantization_recipe(where, operation, config, ALGORITHMS[tuning.scales])
    return result


def _config(rule: Rule) -> qtyping.OpQuantizationConfig:
    return qtyping.OpQuantizationConfig.from_dict(rule()[0]["op_config"])


def _called(name: str) -> str:
    """What the quantizer finds the operator by that makes a tensor of this name."""
    return f"(^|;){re.escape(name)};"


def weights(rule: Rule) -> Callable[[bytes, Job], bytes]:
    return lambda data, job: _run(_quantizer(data, rule, job.tuning), None)


def float16(data: bytes, job: Job) -> bytes:
    float16_quantizer = quantizer.Quantizer(data)
    float16_quantizer.update_quantization_recipe(".*", Op.ALL_SUPPORTED, _FLOAT16, recipe.AlgorithmName.FLOAT_CASTING)
    return float16_biases.added(_run(float16_quantizer, None))


def dynamic(data: bytes, job: Job) -> bytes:
    """int8 weights, with activations scaled in each run; operators that this does not make faster stay in float.

    XNNPACK has no depthwise convolution of float inputs and int8 weights, and small kernels save nothing. The stock
    converter leaves both in float as well.
    """
    int8_quantizer, file = _quantizer(data, recipe.dynamic_wi8_afp32, job.tuning), File(data)
    _leave_float(int8_quantizer, Op.DEPTHWISE_CONV_2D)
    for kernel in filter(None, (Kernel.of(file, operator) for operator in file.operators)):
        if kernel.weights.size < SMALL_KERNEL:
            _leave_float(int8_quantizer, Op.ALL_SUPPORTED, where=_called(file.name(kernel.operator.outputs[0])))
    return _run(int8_quantizer, None)


def static(rule: Rule) -> Callable[..., bytes]:
    """Integers throughout, with ranges from the calibration pictures."""

    def make(data: bytes, job: Job, islands: Sequence[qtyping.TFLOperationName] = ()) -> bytes:
        int_quantizer = _in_integers(data, job, rule, islands=islands)
        return bias_overflow.fit(data, _run(int_quantizer, _ranges(int_quantizer, data, job)))

    return make


def _in_integers(
    data: bytes, job: Job, rule: Rule, where: str = ".*", islands: Sequence[qtyping.TFLOperationName] = ()
) -> quantizer.Quantizer:
    int_quantizer = _quantizer(data, rule, job.tuning, where)
    _leave_float(int_quantizer, Op.DIV)  # what it divides by may round to zero
    if job.settings.input_type == "float32":
        _leave_float(int_quantizer, Op.INPUT)
    if job.settings.output_type == "float32":
        # int8 SOFTMAX is not delegated and answers in steps of 1/256; in float it is neither slow nor coarse
        _leave_float(int_quantizer, Op.OUTPUT, Op.SOFTMAX)
    _leave_float(int_quantizer, *islands)
    powers, floats = float_operators.left_in_float(data)
    for tensor in powers:
        _leave_float(int_quantizer, Op.ALL_SUPPORTED, where=_called(tensor))
    if floats:
        float_operators.check_ends(data, floats, job)
        _leave_float(int_quantizer, Op.ALL_SUPPORTED, where=f"(^|;)({'|'.join(map(re.escape, floats))});")
    return int_quantizer


def _ranges(int_quantizer: quantizer.Quantizer, data: bytes, job: Job) -> dict[str, dict[str, Any]]:
    """The ranges of the tensors that the quantizer rounds in `data`."""
    key = ("ranges", hash(data), str(int_quantizer.get_quantization_recipe()), job.tuning.ranges, job.batch)
    return copy.deepcopy(job.shared.once(key, lambda: ranges.measure(int_quantizer, data, job)))


def left_out_in(kept: Rule | None) -> Callable[[bytes, Job], bytes]:
    """int8, except around the roundings with the largest errors: float there, or the types of the rule `kept`."""

    def make(data: bytes, job: Job) -> bytes:
        int8_quantizer = _in_integers(data, job, recipe.static_wi8_ai8)
        tensor_ranges = _ranges(int8_quantizer, data, job)
        int8 = finished(bias_overflow.fit(data, _run(int8_quantizer, tensor_ranges)), job)
        measure = lambda: sensitivity.measure(data, int8, job.pictures, job.batch)  # noqa: E731
        roundings = job.shared.once(("int8 sensitivities", hash(int8)), measure)
        form = "float" if kept is None else "int16"
        left_out = sensitivity.choose(roundings, job.error_avoided, form)
        for name in sorted(left_out):
            if kept is None:
                _leave_float(int8_quantizer, Op.ALL_SUPPORTED, where=_called(name))
            else:
                int8_quantizer.update_quantization_recipe(_called(name), Op.ALL_SUPPORTED, _config(kept), PLAIN)
        job.sensitivities.extend(sensitivity.table(data, roundings, left_out, form))
        job.notes.append(sensitivity.note(data, roundings, left_out, form))
        return bias_overflow.fit(data, _run(int8_quantizer, tensor_ranges))

    return make


def islands(data: bytes, job: Job) -> bytes:
    """int8, except the named operators, or by default those that int8 would only slow down: these stay in float."""
    make_int8 = static(recipe.static_wi8_ai8)
    if job.settings.islands is None:
        with temporary_folder() as folder:
            file = Path(folder, "int8.tflite")
            file.write_bytes(finished(make_int8(data, job), job))
            left, _ = runner.ask("describe", file=str(file))
        names = sorted(set(left["undelegated"]) - {"QUANTIZE", "DEQUANTIZE"})
        islands = [name for name in names if name in Op.__members__]
    else:
        islands = list(job.settings.islands)
        for name in islands:
            if name not in Op.__members__:
                raise UnsupportedModel(f"no operator {name!r} can be left in float.{nearest(name, Op.__members__)}")
    return make_int8(data, job, [Op[name] for name in islands])


def four_and_eight_bits(data: bytes, job: Job) -> bytes:
    """int4 in as many layers as `job.settings.max_size` needs, the least sensitive first; int8 in the others."""
    mixed_quantizer = _quantizer(data, recipe.weight_only_wi8_afp32, job.tuning)
    size = len(finished(_run(mixed_quantizer, None), job))
    measure = lambda: bit_allocation.sensitivities(data, job.pictures, job.batch)  # noqa: E731
    sensitivities = job.shared.once(("int4 sensitivities", hash(data), job.batch), measure)
    most = 0.99 * (job.settings.max_size or SMALL) * len(data) - 1024  # names and the card go in as well
    chosen = bit_allocation.allocate(sensitivities, size, most, strict=job.settings.max_size is not None)
    config, algorithm = _config(recipe.weight_only_wi4_afp32), ALGORITHMS.get(job.tuning.scales, PLAIN)
    mixed_quantizer = _quantizer(data, recipe.weight_only_wi8_afp32, job.tuning)
    for name in chosen:
        for operation in IN_FOUR_BITS:
            mixed_quantizer.update_quantization_recipe(_called(name), operation, config, algorithm)
    job.notes.append(f"int4 in {len(chosen)} of the {len(sensitivities)} layers that can have it, int8 in the others")
    return _run(mixed_quantizer, None)


def _leave_float(int_quantizer: quantizer.Quantizer, *operations: qtyping.TFLOperationName, where: str = ".*") -> None:
    for operation in operations:
        int_quantizer.update_quantization_recipe(where, operation, None, recipe.AlgorithmName.NO_QUANTIZE)


def _run(scheme_quantizer: quantizer.Quantizer, tensor_ranges: dict[str, dict[str, Any]] | None) -> bytes:
    with quantizer_quiet():
        return bytes(
            scheme_quantizer.quantize(
                tensor_ranges, enable_progress_bar=False, enable_progress_report=False
            ).quantized_model
        )


def finished(data: bytes, job: Job) -> bytes:
    """The quantizer's file, repaired and in one piece."""
    return repair.repaired(data, integer_outputs=job.settings.output_type != "float32")
