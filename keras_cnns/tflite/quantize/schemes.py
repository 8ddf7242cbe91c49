"""The schemes, one row each: what it stores, what it needs, what it is good for, and how it is made from float32."""

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe
from ai_edge_quantizer.utils import qsv_utils

from keras_cnns.errors import UserError, nearest
from keras_cnns.quiet import stderr_closed
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.proof import runner
from keras_cnns.tflite.proof.pictures import batched
from keras_cnns.tflite.quantize import coordinates

Op = qtyping.TFLOperationName

# The customary ranges of pictures: a calibration that fills one of them nearly is meant to fill it, and then a camera's
# bytes go into an integer input as they are.
PICTURE_RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Scheme:
    """`make(data, job)` gives the flatbuffer.

    calibrated: activations are integers too, whose ranges must be measured on pictures. integer_io: inputs and outputs
    may be integers. int8_forms: as in `prepare`.
    """

    stores: str
    needs: str
    good_for: str
    make: Callable
    calibrated: bool = False
    integer_io: bool = False
    int8_forms: bool = False


@dataclass(frozen=True)
class Job:
    """What a scheme may ask for beside the float32 flatbuffer."""

    calibration: dict | None = None  # {input name: (N, ...) floats}
    batch: int | None = 1
    input_type: str = "float32"
    output_type: str = "float32"
    islands: tuple | None = None  # operators that stay float; None: those that XNNPACK would not run in int8


_FLOAT16 = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
    compute_precision=qtyping.ComputePrecision.FLOAT,
    explicit_dequantize=True,
)


def _unchanged(data, job):
    return data


def _weights(rules):
    def make(data, job):
        made = quantizer.Quantizer(data)
        made.load_quantization_recipe(rules())
        return _run(made, None)

    return make


def _float16(data, job):
    made = quantizer.Quantizer(data)
    made.update_quantization_recipe(".*", Op.ALL_SUPPORTED, _FLOAT16, recipe.AlgorithmName.FLOAT_CASTING)
    return _run(made, None)


def _static(rules):
    def make(data, job, islands=()):
        made = quantizer.Quantizer(data)
        made.load_quantization_recipe(rules())
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
        return _run(made, ranges(made, data, job))

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


def ranges(made, data, job):
    """Smallest and largest value of every tensor over the calibration pictures.

    Not the quantizer's own moving average: with a few dozen pictures it cuts off what only some of them reach.
    """
    with _quiet():
        meter = calibrator.Calibrator(
            bytes(flatbuffer.all_read(data)), num_threads=2, qsv_update_func=qsv_utils.min_max_update
        )
        meter.calibrate({"serving_default": list(batched(job.calibration, job.batch or 1))}, made._recipe_manager)
    found = meter.get_model_qsvs()
    for tensor in _input_tensors(data):
        if tensor in found:  # numbers of words, say, stay what they are
            found[tensor] = _customary(found[tensor])
    return found


def picture_range(low, high):
    """The customary range that values from `low` to `high` nearly fill; None where there is none."""
    for least, most in PICTURE_RANGES:
        slack = 0.1 * (most - least)
        if least <= low <= least + slack and most - slack <= high <= most:
            return least, most
    return None


def _customary(measured):
    low, high = float(measured["min"].min()), float(measured["max"].max())
    low, high = picture_range(low, high) or (low, high)
    shape = measured["min"].shape
    return {**measured, "min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def _input_tensors(data):
    from ai_edge_litert.interpreter import Interpreter

    return [detail["name"] for detail in Interpreter(model_content=bytes(data)).get_input_details()]


def _leave_float(made, *operations, where=".*"):
    for operation in operations:
        made.update_quantization_recipe(where, operation, None, recipe.AlgorithmName.NO_QUANTIZE)


def _run(made, measured):
    with _quiet():
        return bytes(made.quantize(measured, enable_progress_bar=False, enable_progress_report=False).quantized_model)


@contextlib.contextmanager
def _quiet():
    """Without the quantizer's progress bars and warnings, which would land in the middle of a table."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()), stderr_closed():
        warnings.simplefilter("ignore")
        yield


SCHEMES = {
    "float32": Scheme("floats", "nothing", "the reference; GPUs", _unchanged),
    "float16": Scheme("half floats", "nothing", "half the size; GPU delegates compute in it", _float16),
    "weight_only_int8": Scheme(
        "int8 weights", "nothing", "a quarter of the size at float32's speed", _weights(recipe.weight_only_wi8_afp32)
    ),
    "weight_only_int4": Scheme(
        "int4 weights", "nothing", "an eighth of the size; slower", _weights(recipe.weight_only_wi4_afp32)
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
    try:
        return finished(find(name).make(coordinates.told_apart(data), job), job)
    except UserError:
        raise
    except Exception as error:  # the quantizer raises whatever it meets
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"{name} is not possible for this network: {said}") from error


def finished(data, job):
    """What the quantizer made, put right and in one piece."""
    model = flatbuffer.named_outputs(flatbuffer.read(data), job.output_type != "float32")
    return flatbuffer.write(flatbuffer.reconnect(flatbuffer.parts_alike(model)))
