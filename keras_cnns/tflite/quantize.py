"""The schemes, one row each: what it stores, what it needs, what it is good for, and how it is made from float32."""

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe
from ai_edge_quantizer.utils import qsv_utils

from keras_cnns.errors import UserError, nearest
from keras_cnns.tflite import flatbuffer
from keras_cnns.tflite.pictures import batched

Op = qtyping.TFLOperationName

# The customary ranges of pictures: a calibration that fills one of them nearly is meant to fill it, and then a camera's
# bytes go into an integer input as they are.
PICTURE_RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Scheme:
    """`make(data, job)` gives the flatbuffer; `calibrated`: activations are integers too, so that pictures are
    needed and inputs and outputs may be integers."""

    stores: str
    needs: str
    good_for: str
    make: Callable
    calibrated: bool = False


@dataclass(frozen=True)
class Job:
    """What a scheme may ask for beside the float32 flatbuffer."""

    calibration: dict | None = None  # {input name: (N, ...) floats}
    batch: int | None = 1
    input_type: str = "float32"
    output_type: str = "float32"


_FLOAT16 = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
    compute_precision=qtyping.ComputePrecision.FLOAT,
    explicit_dequantize=True,
)


def _unchanged(data, job):
    return data


def _weight_only(bits):
    def make(data, job):
        return _quantized(data, getattr(recipe, f"weight_only_wi{bits}_afp32")())

    return make


def _float16(data, job):
    made = quantizer.Quantizer(data)
    made.update_quantization_recipe(".*", Op.ALL_SUPPORTED, _FLOAT16, algorithm_key=recipe.AlgorithmName.FLOAT_CASTING)
    return _run(made, None)


def _static(activation_bits):
    def make(data, job):
        made = quantizer.Quantizer(data)
        made.load_quantization_recipe(getattr(recipe, f"static_wi8_ai{activation_bits}")())
        if job.input_type == "float32":
            _leave_float(made, Op.INPUT)
        if job.output_type == "float32":
            # int8 SOFTMAX is not delegated and answers in steps of 1/256; in float it is neither slow nor coarse
            _leave_float(made, Op.OUTPUT, Op.SOFTMAX)
        return _run(made, ranges(made, data, job))

    return make


def ranges(made, data, job):
    """Smallest and largest value of every tensor over the calibration pictures.

    Not the quantizer's own moving average: with a few dozen pictures it cuts off what only some of them reach.
    """
    with _quiet():
        meter = calibrator.Calibrator(bytes(data), num_threads=2, qsv_update_func=qsv_utils.min_max_update)
        meter.calibrate({"serving_default": list(batched(job.calibration, job.batch or 1))}, made._recipe_manager)
    found = meter.get_model_qsvs()
    for tensor in _input_tensors(data):
        found[tensor] = _customary(found[tensor])
    return found


def _customary(measured):
    low, high = float(measured["min"].min()), float(measured["max"].max())
    for least, most in PICTURE_RANGES:
        slack = 0.1 * (most - least)
        if least <= low <= least + slack and most - slack <= high <= most:
            low, high = least, most
            break
    shape = measured["min"].shape
    return {**measured, "min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def _input_tensors(data):
    from ai_edge_litert.interpreter import Interpreter

    return [detail["name"] for detail in Interpreter(model_content=bytes(data)).get_input_details()]


def _leave_float(made, *operations, where=".*"):
    for operation in operations:
        made.update_quantization_recipe(where, operation, None, recipe.AlgorithmName.NO_QUANTIZE)


def _quantized(data, rules):
    made = quantizer.Quantizer(data)
    made.load_quantization_recipe(rules)
    return _run(made, None)


def _run(made, measured):
    with _quiet():
        return bytes(made.quantize(measured, enable_progress_bar=False, enable_progress_report=False).quantized_model)


@contextlib.contextmanager
def _quiet():
    """Without the quantizer's progress bars and warnings, which would land in the middle of a table."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


SCHEMES = {
    "float32": Scheme("floats", "nothing", "the reference; GPUs", _unchanged),
    "float16": Scheme("half floats", "nothing", "half the size; GPU delegates compute in it", _float16),
    "weight_only_int8": Scheme(
        "int8 weights", "nothing", "a quarter of the size at float32's speed, no pictures needed", _weight_only(8)
    ),
    "int8": Scheme(
        "int8 weights and activations", "calibration pictures", "speed on CPUs, NPUs and DSPs", _static(8), True
    ),
}


def find(name):
    """The row called `name`.

    Raises:
      UserError: there is no such scheme.
    """
    if name not in SCHEMES:
        raise UserError(f"there is no scheme {name!r}: choose from {', '.join(SCHEMES)}.{nearest(name, SCHEMES)}")
    return SCHEMES[name]


def make(name, data, job):
    """The float32 flatbuffer `data` in the scheme called `name`, its weights inside the flatbuffer.

    Raises:
      UserError: the quantizer has no way for one of its operators.
    """
    try:
        return flatbuffer.write(flatbuffer.reconnect(flatbuffer.read(find(name).make(data, job))))
    except UserError:
        raise
    except Exception as error:  # the quantizer raises whatever it meets
        raise UserError(f"{name} is not possible for this network: {' '.join(str(error).split())[:300]}") from error
