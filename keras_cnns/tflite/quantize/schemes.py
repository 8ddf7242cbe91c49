"""The schemes, one row each: what it stores, what it needs, what it is good for, and how it is made from float32."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ai_edge_quantizer import qtyping, quantizer, recipe

from keras_cnns.errors import UserError, first_line, nearest
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.proof import runner
from keras_cnns.tflite.quantize import coordinates, mixed
from keras_cnns.tflite.quantize.ranges import measured, quantizer_quiet
from keras_cnns.tflite.quantize.refine import nearer, refined
from keras_cnns.tflite.quantize.tuning import Tuning

Op = qtyping.TFLOperationName


SMALL = 0.2  # of the float32 file: int4 where it harms least


@dataclass(frozen=True)
class Scheme:
    """`make(data, job)` gives the flatbuffer.

    calibrated: it is made on pictures, on which ranges or harms are measured. integer_io: inputs and outputs
    may be integers. int8_forms: as in `prepare`. rounded: weights are integers. mixed: of as many bits as a size
    allows.
    """

    stores: str
    needs: str
    good_for: str
    make: Callable
    calibrated: bool = False
    integer_io: bool = False
    int8_forms: bool = False
    rounded: bool = True
    mixed: bool = False


@dataclass(frozen=True)
class Job:
    """What a scheme may ask for beside the float32 flatbuffer."""

    calibration: dict | None = None  # {input name: (N, ...) floats}
    batch: int | None = 1
    input_type: str = "float32"
    output_type: str = "float32"
    islands: tuple | None = None  # operators that stay float; None: those that XNNPACK would not run in int8
    tuning: Tuning = Tuning()
    max_size: float | None = None  # share of the float32 file, where bits are chosen; None: SMALL, or as near as can be
    notes: list = field(default_factory=list)  # what is to be told of how the file was made


_FLOAT16 = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
    compute_precision=qtyping.ComputePrecision.FLOAT,
    explicit_dequantize=True,
)


def _unchanged(data, job):
    return data


WEIGHTED = (Op.FULLY_CONNECTED, Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.CONV_2D_TRANSPOSE)
IN_FOUR_BITS = (Op.FULLY_CONNECTED, Op.CONV_2D)
ALGORITHMS = {"mse": recipe.AlgorithmName.MSE, "octav": recipe.AlgorithmName.OCTAV}


def _quantizer(data, rules, tuning):
    """AI Edge Quantizer with a recipe of its own, whose weights get their scales as `tuning` says."""
    made, (rule,) = quantizer.Quantizer(data), rules()
    made.load_quantization_recipe([rule])
    config = qtyping.OpQuantizationConfig.from_dict(rule["op_config"])
    able = WEIGHTED if config.weight_tensor_config.num_bits == 8 else IN_FOUR_BITS
    for operation in able if tuning.scales in ALGORITHMS else ():
        made.update_quantization_recipe(".*", operation, config, ALGORITHMS[tuning.scales])
    return made


def _weights(rules):
    return lambda data, job: _run(_quantizer(data, rules, job.tuning), None)


def _float16(data, job):
    made = quantizer.Quantizer(data)
    made.update_quantization_recipe(".*", Op.ALL_SUPPORTED, _FLOAT16, recipe.AlgorithmName.FLOAT_CASTING)
    return _run(made, None)


def _static(rules):
    def make(data, job, islands=()):
        made = _quantizer(data, rules, job.tuning)
        _leave_float(made, Op.DIV)  # what it divides by may round to zero
        if job.input_type == "float32":
            _leave_float(made, Op.INPUT)
        if job.output_type == "float32":
            # int8 SOFTMAX is not delegated and answers in steps of 1/256; in float it is neither slow nor coarse
            _leave_float(made, Op.OUTPUT, Op.SOFTMAX)
        _leave_float(made, *islands)
        for tensor in flatbuffer.around_powers(data):
            _leave_float(made, Op.ALL_SUPPORTED, where=f"(^|;){re.escape(tensor)};")
        if floats := coordinates.kept_in_floats(data):
            coordinates.check_ends(data, floats, job)
            _leave_float(made, Op.ALL_SUPPORTED, where=f"(^|;)({'|'.join(map(re.escape, floats))});")
        return _run(made, measured(made, data, job))

    return make


def _islands(data, job):
    """int8 with the operators float that would only slow it down, or that were named."""
    whole = _static(recipe.static_wi8_ai8)
    if job.islands is None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "int8.tflite")
            file.write_bytes(finished(whole(data, job), job))
            left, _ = runner.ask("describe", file=str(file))
        names = set(left["undelegated"]) - {"QUANTIZE", "DEQUANTIZE"}
        islands = [name for name in names if name in Op.__members__]
    else:
        islands = list(job.islands)
        for name in islands:
            if name not in Op.__members__:
                raise UserError(f"no operator {name!r} can be left float.{nearest(name, Op.__members__)}")
    return whole(data, job, [Op[name] for name in islands])


def _mixed(data, job):
    """int4 in as many layers as `job.max_size` asks for, those it harms least; int8 in the others."""
    made = _quantizer(data, recipe.weight_only_wi8_afp32, job.tuning)
    size = len(finished(_run(made, None), job))
    found = mixed.harms(data, job.calibration, job.batch or 1)
    most = 0.99 * (job.max_size or SMALL) * len(data) - 1024  # names and the card go in as well
    chosen = mixed.in_four_bits(found, size, most, strict=job.max_size is not None)
    (rule,) = recipe.weight_only_wi4_afp32()
    config = qtyping.OpQuantizationConfig.from_dict(rule["op_config"])
    algorithm = ALGORITHMS.get(job.tuning.scales, recipe.AlgorithmName.MIN_MAX_UNIFORM_QUANT)
    made = _quantizer(data, recipe.weight_only_wi8_afp32, job.tuning)
    for name in chosen:
        for operation in IN_FOUR_BITS:
            made.update_quantization_recipe(f"(^|;){re.escape(name)};", operation, config, algorithm)
    job.notes.append(f"int4 in {len(chosen)} of the {len(found)} layers that have it, int8 in the others")
    return _run(made, None)


def _leave_float(made, *operations, where=".*"):
    for operation in operations:
        made.update_quantization_recipe(where, operation, None, recipe.AlgorithmName.NO_QUANTIZE)


def _run(made, found):
    with quantizer_quiet():
        return bytes(made.quantize(found, enable_progress_bar=False, enable_progress_report=False).quantized_model)


SCHEMES = {
    "float32": Scheme("floats", "nothing", "the reference; GPUs", _unchanged, rounded=False),
    "float16": Scheme("half floats", "nothing", "half the size; GPU delegates compute in it", _float16, rounded=False),
    "weight_only_int8": Scheme(
        "int8 weights", "nothing", "a quarter of the size at float32's speed", _weights(recipe.weight_only_wi8_afp32)
    ),
    "weight_only_int4": Scheme(
        "int4 weights", "nothing", "an eighth of the size; slower", _weights(recipe.weight_only_wi4_afp32)
    ),
    "weight_only_mixed": Scheme(
        "int8 weights, int4 where it harms least",
        "calibration pictures",
        "the smallest file that still knows its classes (`max_size`); slower",
        _mixed,
        calibrated=True,
        mixed=True,
    ),
    "dynamic_int8": Scheme(
        "int8 weights, activations scaled anew in each run",
        "nothing",
        "large plain convolutions without calibration; slow on depthwise ones",
        _weights(recipe.dynamic_wi8_afp32),
    ),
    "int8": Scheme(
        "int8 weights and activations",
        "calibration pictures",
        "speed on CPUs, NPUs and DSPs",
        _static(recipe.static_wi8_ai8),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
    ),
    "int8_float_islands": Scheme(
        "int8, named operators in floats",
        "calibration pictures",
        "networks with operators that are slow or coarse in int8",
        _islands,
        calibrated=True,
        integer_io=True,
    ),
    "int16x8": Scheme(
        "int8 weights, int16 activations",
        "calibration pictures",
        "accuracy where int8 loses it; slow on CPUs",
        _static(recipe.static_wi8_ai16),
        calibrated=True,
    ),
}


def find(name):
    """The row called `name`.

    Raises:
      UserError: there is no such scheme.
    """
    if name not in SCHEMES:
        raise UserError(f"there is no scheme {name!r}: choose from {', '.join(SCHEMES)}, auto.{nearest(name, SCHEMES)}")
    return SCHEMES[name]


def make(name, data, job):
    """The float32 flatbuffer `data` in the scheme called `name`, its weights inside the flatbuffer.

    Raises:
      UserError: the quantizer has no way for one of its operators.
    """
    row = find(name)
    try:
        data = coordinates.told_apart(data)
        made = row.make(data, job)
        rounded = finished(made, job)
        if row.rounded and job.calibration is not None and job.tuning.refines:
            try:
                changed = refined(data, made, job.calibration, job.tuning, job.batch or 1)
                if changed is not made:
                    rounded = nearer(data, rounded, finished(changed, job), job.calibration, job.batch or 1)
            except (ValueError, RuntimeError) as error:  # LiteRT's two ways to refuse an operator alone
                job.notes.append(f"weights and biases are rounded to the nearest: {first_line(error)}")
        return rounded
    except UserError:
        raise
    except Exception as error:  # the quantizer raises whatever it meets
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"{name} is not possible for this network: {said}") from error


def finished(data, job):
    """What the quantizer made, put right and in one piece."""
    model = flatbuffer.named_outputs(flatbuffer.read(data), job.output_type != "float32")
    return flatbuffer.write(flatbuffer.reconnect(flatbuffer.parts_alike(model)))
