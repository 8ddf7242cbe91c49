"""The schemes, one row each: what it stores, what it needs, what it is good for, and how it is made from float32."""

from collections.abc import Callable
from dataclasses import dataclass

from litert_quantizer import recipe

from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line, nearest
from keras_cnns.tflite.quantize import float_operators, rules
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.quantize.layerwise import closer_of, refine
from keras_cnns.tflite.quantize.rules import finished
from keras_cnns.tflite.quantize.settings import FileSettings


@dataclass(frozen=True)
class Scheme:
    """A row of `SCHEMES`.

    Attributes:
      stores, needs, good_for: descriptions for people.
      make: `make(data, job)` returns the flatbuffer.
      calibrated: needs pictures, on which ranges or sensitivities are measured.
      integer_io: inputs and outputs may be integers.
      int8_forms: operators get the forms that the target wants in int8, see `prepare`.
      rounded: weights are integers.
      mixed: weights have four or eight bits, as the size requires.
      leaves_out: operators are left out of int8 where it makes the largest errors.
      sparse: kernels that are mostly zero are stored as sparse tensors; they are computed in float.
    """

    stores: str
    needs: str
    good_for: str
    make: Callable[..., bytes]
    calibrated: bool = False
    integer_io: bool = False
    int8_forms: bool = False
    rounded: bool = True
    mixed: bool = False
    leaves_out: bool = False
    sparse: bool = False

    @property
    def activations(self) -> bool:
        """Whether activations are rounded, with ranges measured before."""
        return self.calibrated and not self.mixed


SCHEMES = {
    "float32": Scheme("floats", "nothing", "the reference; GPUs", rules.unchanged, rounded=False, sparse=True),
    "float16": Scheme(
        "half floats",
        "nothing",
        "half the size; GPU delegates compute in it",
        rules.float16,
        rounded=False,
        sparse=True,
    ),
    "weight_only_int8": Scheme(
        "int8 weights",
        "nothing",
        "a quarter of the size at float32's speed",
        rules.weights(recipe.weight_only_wi8_afp32),
        sparse=True,
    ),
    "weight_only_int4": Scheme(
        "int4 weights", "nothing", "an eighth of the size; slower", rules.weights(recipe.weight_only_wi4_afp32)
    ),
    "weight_only_mixed": Scheme(
        "int8 weights, int4 where the answers are least sensitive",
        "calibration pictures",
        "the smallest file that still knows its classes (`max_size`); slower",
        rules.four_and_eight_bits,
        calibrated=True,
        mixed=True,
    ),
    "dynamic_int8": Scheme(
        "int8 weights, activations scaled anew in each run",
        "nothing",
        "large plain convolutions without calibration",
        rules.dynamic,
    ),
    "int8": Scheme(
        "int8 weights and activations",
        "calibration pictures",
        "speed on CPUs, NPUs and DSPs",
        rules.static(recipe.static_wi8_ai8),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
    ),
    "int8_float_islands": Scheme(
        "int8, named operators in floats",
        "calibration pictures",
        "networks with operators that are slow or coarse in int8",
        rules.islands,
        calibrated=True,
        integer_io=True,
    ),
    "int8_float_mixed": Scheme(
        "int8, float where int8 makes the largest errors",
        "calibration pictures",
        "accuracy at nearly int8's size and speed (`error_avoided`)",
        rules.left_out_in(None),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
        leaves_out=True,
    ),
    "int8_int16_mixed": Scheme(
        "int8, int16 activations where int8 makes the largest errors",
        "calibration pictures",
        "the same in integers alone; slow on CPUs",
        rules.left_out_in(recipe.static_wi8_ai16),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
        leaves_out=True,
    ),
    "int16x8": Scheme(
        "int8 weights, int16 activations",
        "calibration pictures",
        "accuracy where int8 loses it; slow on CPUs",
        rules.static(recipe.static_wi8_ai16),
        calibrated=True,
    ),
}
"""The ways to quantize a file: {name: `Scheme`}. `keras_cnns.tflite.export` takes the name.

>>> [name for name, scheme in keras_cnns.tflite.SCHEMES.items() if not scheme.calibrated]
['float32', 'float16', 'weight_only_int8', 'weight_only_int4', 'dynamic_int8']
"""


def find(name: str) -> Scheme:
    """The row `name` of `SCHEMES`.

    Raises:
      UserError: there is no such scheme.
    """
    if not isinstance(name, str) or name not in SCHEMES:
        raise BadArgument(
            f"there is no scheme {name!r}: choose from {', '.join(SCHEMES)}, auto.{nearest(name, SCHEMES)}"
        )
    return SCHEMES[name]


def check(name: str, settings: FileSettings, *, has_pictures: bool) -> Scheme:
    """The row `name` of `SCHEMES`, if it can make a file with these settings.

    has_pictures: whether there are calibration pictures.

    Raises:
      UserError: a setting does not apply to the scheme; the message names it.
    """
    row, tuning = find(name), settings.tuning
    if settings.integer_io and not row.integer_io:
        kind = next(kind for kind in (settings.input_type, settings.output_type) if kind != "float32")
        raise BadArgument(f"{name} has no {kind} inputs and outputs: use a scheme such as int8.")
    if settings.islands is not None and name != "int8_float_islands":
        raise BadArgument(f"{name} has no use for islands: use them with int8_float_islands.")
    if tuning is not None and (settings.engine == "converter" or not row.rounded):
        who = (
            "the converter rounds as it likes"
            if settings.engine == "converter"
            else f"{name} rounds nothing to integers"
        )
        raise BadArgument(f"{who}: leave tuning= out.")
    if tuning is not None and tuning.refines and not has_pictures and not row.calibrated:
        raise BadArgument("tuning= needs pictures: give calibration=, or tuning=Tuning.plain().")
    if tuning is not None and tuning.ranges not in ("usual", "extremes") and not row.activations:
        raise BadArgument(f"{name} does not quantize activations in advance: leave the tuning's ranges out.")
    if settings.error_avoided is not None and not row.leaves_out:
        raise BadArgument(f"{name} leaves no operator out: error_avoided is for int8_float_mixed and int8_int16_mixed.")
    if settings.max_size is not None and not row.mixed:
        raise BadArgument(f'{name} has a fixed size: max_size is for scheme="auto" and "weight_only_mixed".')
    return row


def make(name: str, data: bytes, job: Job) -> bytes:
    """The float32 flatbuffer `data` in the scheme `name`, with its weights inside the flatbuffer.

    Raises:
      UserError: the quantizer does not support one of its operators.
    """
    row = find(name)
    try:
        data = float_operators.distinguish_loops(data)
        quantized = row.make(data, job)
        if quantized is data:  # float32
            return data
        rounded = finished(quantized, job)
        return _refined(data, quantized, rounded, job) if row.rounded else rounded
    except UserError:
        raise
    except Exception as error:  # the quantizer raises whatever it meets
        message = " ".join(str(error).split())[:300] or type(error).__name__
        raise UnsupportedModel(f"{name} is not possible for this network: {message}") from error


def _refined(data: bytes, quantized: bytes, rounded: bytes, job: Job) -> bytes:
    """The file with weights and biases chosen on pictures, where there are any and that is closer to the original."""
    if job.calibration is None or not job.tuning.refines:
        return rounded
    try:
        changed = refine(data, quantized, job.calibration, job.tuning, job.batch)
        if changed is quantized:
            return rounded
        return closer_of(data, rounded, finished(changed, job), job.calibration, job.batch)
    except (ValueError, RuntimeError) as error:  # LiteRT's two ways to refuse a single operator
        job.notes.append(f"weights and biases are rounded to the nearest: {first_line(error)}")
        return rounded
