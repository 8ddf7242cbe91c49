"""The schemes, one row each: what it stores, what it needs, what it is good for, and how it is made from float32."""

from collections.abc import Callable
from dataclasses import dataclass, field

from litert_quantizer import recipe

from keras_cnns.support.errors import UserError, first_line, nearest
from keras_cnns.tflite.quantize import coordinates, recipes
from keras_cnns.tflite.quantize.recipes import finished
from keras_cnns.tflite.quantize.refine import nearer, refined
from keras_cnns.tflite.quantize.tuning import Tuning

SPARE = 0.75  # the error becomes a quarter, 6 dB


@dataclass(frozen=True)
class Scheme:
    """`make(data, job)` gives the flatbuffer.

    calibrated: it is made on pictures, on which ranges or harms are measured. integer_io: inputs and outputs
    may be integers. int8_forms: as in `prepare`. rounded: weights are integers. mixed: of as many bits as a size
    allows. spares: leaves out of int8 what that harms most.
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
    spares: bool = False

    @property
    def activations(self):
        """Whether activations are rounded on ranges that are measured before."""
        return self.calibrated and not self.mixed


@dataclass(frozen=True)
class Job:
    """What a scheme may ask for beside the float32 flatbuffer."""

    calibration: dict | None = None  # {input name: (N, ...) floats}
    batch: int | None = 1
    input_type: str = "float32"
    output_type: str = "float32"
    islands: tuple | None = None  # operators that stay float; None: those that XNNPACK would not run in int8
    tuning: Tuning = Tuning()
    max_size: float | None = None  # share of the float32 file, where bits are chosen; None: a fifth, if it can be
    spare: float = SPARE  # share of int8's harm that operators left out of it keep away
    once: Callable = lambda what, given, make: make()  # what is the same for several files of a network
    notes: list = field(default_factory=list)  # what is to be told of how the file was made
    harms: list = field(default_factory=list)  # a `Harm` for each rounding, where they are measured


SCHEMES = {
    "float32": Scheme("floats", "nothing", "the reference; GPUs", recipes.unchanged, rounded=False),
    "float16": Scheme(
        "half floats", "nothing", "half the size; GPU delegates compute in it", recipes.float16, rounded=False
    ),
    "weight_only_int8": Scheme(
        "int8 weights",
        "nothing",
        "a quarter of the size at float32's speed",
        recipes.weights(recipe.weight_only_wi8_afp32),
    ),
    "weight_only_int4": Scheme(
        "int4 weights", "nothing", "an eighth of the size; slower", recipes.weights(recipe.weight_only_wi4_afp32)
    ),
    "weight_only_mixed": Scheme(
        "int8 weights, int4 where it harms least",
        "calibration pictures",
        "the smallest file that still knows its classes (`max_size`); slower",
        recipes.four_and_eight_bits,
        calibrated=True,
        mixed=True,
    ),
    "dynamic_int8": Scheme(
        "int8 weights, activations scaled anew in each run",
        "nothing",
        "large plain convolutions without calibration; slow on depthwise ones",
        recipes.weights(recipe.dynamic_wi8_afp32),
    ),
    "int8": Scheme(
        "int8 weights and activations",
        "calibration pictures",
        "speed on CPUs, NPUs and DSPs",
        recipes.static(recipe.static_wi8_ai8),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
    ),
    "int8_float_islands": Scheme(
        "int8, named operators in floats",
        "calibration pictures",
        "networks with operators that are slow or coarse in int8",
        recipes.islands,
        calibrated=True,
        integer_io=True,
    ),
    "int8_float_mixed": Scheme(
        "int8, floats where int8 harms most",
        "calibration pictures",
        "accuracy at nearly int8's size and speed (`spare`)",
        recipes.spared_in(None),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
        spares=True,
    ),
    "int8_int16_mixed": Scheme(
        "int8, int16 activations where int8 harms most",
        "calibration pictures",
        "the same in integers alone; slow on CPUs",
        recipes.spared_in(recipe.static_wi8_ai16),
        calibrated=True,
        integer_io=True,
        int8_forms=True,
        spares=True,
    ),
    "int16x8": Scheme(
        "int8 weights, int16 activations",
        "calibration pictures",
        "accuracy where int8 loses it; slow on CPUs",
        recipes.static(recipe.static_wi8_ai16),
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
