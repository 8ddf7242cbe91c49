"""Settings of one file: types, batch, engine, and how its numbers are chosen."""

from dataclasses import dataclass, fields

from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.validation import every, kind, number, short, whole

CHOICES = {
    "ranges": ("usual", "extremes", "mse"),
    "scales": ("extremes", "mse", "octav"),
    "rounding": ("nearest", "learned"),
    "bias": ("kept", "corrected"),
}
TYPES = ("float32", "int8", "uint8")
ENGINES = ("quantizer", "converter")


@dataclass(frozen=True)
class Tuning:
    """How the numbers of a quantized file are chosen; all but `scales` use the calibration pictures.

    Attributes:
      ranges: of activations: "usual" (in int8 the extremes, but not far beyond what 95 % of the pictures reach; in
        int16 the extremes), "extremes", "mse" (the range with the smallest squared rounding error), or a percentile as
        a number, such as 99.99.
      scales: of weights, for each channel: "extremes", or the scale with the smallest squared rounding error by LiteRT
        Quantizer's "mse" or "octav".
      rounding: of weights: to the "nearest" integer, or "learned", to the integers with which the layer's answers
        change least.
      bias: "kept", or "corrected" by the mean error of each channel, layer by layer.

    Raises:
      UserError: a field has an unknown value.

    >>> Tuning(ranges=99.99, rounding="nearest")
    Tuning(ranges=99.99, scales='extremes', rounding='nearest', bias='corrected')
    """

    ranges: str | float = "usual"
    scales: str = "extremes"
    rounding: str = "learned"
    bias: str = "corrected"

    def __post_init__(self) -> None:
        for field in fields(self):
            value, known = getattr(self, field.name), CHOICES[field.name]
            if field.name == "ranges" and isinstance(value, (int, float)) and not isinstance(value, bool):
                if not 50 < value <= 100:
                    raise BadArgument(f"ranges={value:g} is not a percentile between 50 and 100.")
                continue
            if value not in known:
                shown = repr(value) if isinstance(value, str) else kind(value)
                raise BadArgument(
                    f"{field.name} is {shown}: choose from {', '.join(known)}.{nearest(str(value), known)}"
                )

    @classmethod
    def plain(cls) -> "Tuning":
        """Round to nearest, between the extremes."""
        return cls("extremes", "extremes", "nearest", "kept")

    @property
    def refines(self) -> bool:
        """Whether weights or biases are changed after quantization, on pictures."""
        return self.rounding != "nearest" or self.bias != "kept"


@dataclass(frozen=True)
class FileSettings:
    """Settings of one file.

    Attributes:
      input_type, output_type: "float32", "int8" or "uint8"; integers only in schemes that compute in integers. A uint8
        input takes a camera's bytes if the model takes pixels from 0 to 255.
      batch: pictures per run, 1 on a phone; None leaves it open.
      islands: operators ("ADD", ...) that "int8_float_islands" leaves in float; by default those that XNNPACK would
        not run in int8.
      error_avoided: for "int8_float_mixed" and "int8_int16_mixed", the share of int8's error to avoid by leaving
        operators out of int8; 0.75 by default.
      max_size: for "weight_only_mixed", the size as a share of the float32 file's; by default 0.2, or as close as
        possible.
      engine: "quantizer" (LiteRT Quantizer) or "converter" (the stock converter's own quantization).
      tuning: how numbers are chosen; by default `Tuning()` where there are calibration pictures.
      sparse_weights: kernels with more than two thirds of zeros are stored as sparse tensors in "float32", "float16"
        and "weight_only_int8", if the target can expand them.

    Raises:
      UserError: a field has the wrong type or value.

    >>> exporter.export("net.tflite", "int8", FileSettings(input_type="uint8"))
    """

    input_type: str = "float32"
    output_type: str = "float32"
    batch: int | None = 1
    islands: tuple[str, ...] | list[str] | None = None
    error_avoided: float | None = None
    max_size: float | None = None
    engine: str = "quantizer"
    tuning: Tuning | None = None
    sparse_weights: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.sparse_weights, bool):
            raise BadArgument(f"sparse_weights is {short(self.sparse_weights)}: give True or False.")
        for name in ("input_type", "output_type", "engine"):
            if not isinstance(value := getattr(self, name), str):
                raise BadArgument(f"{name} must be a word, not {kind(value)}.")
        if self.batch is not None and not whole(self.batch, 1):
            raise BadArgument(f"batch is {short(self.batch)}: give a whole number from 1, or None to leave it open.")
        if self.islands is not None and not every(self.islands, str):
            raise BadArgument('islands must be a list of operators, such as ["ADD"].')
        if self.tuning is not None and not isinstance(self.tuning, Tuning):
            raise BadArgument(f"tuning must be a keras_cnns.tflite.Tuning, not {kind(self.tuning)}.")
        share = self.error_avoided
        if share is not None and not (number(share) and 0 < share < 1):
            raise BadArgument(f"error_avoided is {short(share)}: give a share between 0 and 1, such as 0.75.")
        if self.max_size is not None and not (number(self.max_size) and self.max_size > 0):
            raise BadArgument(f"max_size is {short(self.max_size)}: give a share of the float32 file's, such as 0.2.")
        for name in (self.input_type, self.output_type):
            if name not in TYPES:
                raise BadArgument(f"there is no input or output type {name!r}: choose from {', '.join(TYPES)}.")
        if self.engine not in ENGINES:
            raise BadArgument(f"there is no engine {self.engine!r}: choose from {', '.join(ENGINES)}.")

    @property
    def integer_io(self) -> bool:
        """Whether the inputs or the outputs are integers."""
        return {self.input_type, self.output_type} != {"float32"}

    @property
    def chosen_tuning(self) -> Tuning:
        """The tuning, or the default one."""
        return self.tuning or Tuning()
