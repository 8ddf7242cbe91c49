"""What is done for the accuracy of a quantized file beside rounding every number to the nearest."""

from dataclasses import dataclass, fields

from keras_cnns.support.errors import UserError, nearest
from keras_cnns.support.validation import kind

CHOICES = {
    "ranges": ("extremes", "mse"),
    "scales": ("extremes", "mse", "octav"),
    "rounding": ("nearest", "learned"),
    "bias": ("kept", "corrected"),
}


@dataclass(frozen=True)
class Tuning:
    """How the numbers of a file are chosen; all but `scales` on the calibration pictures.

    ranges: of activations, their "extremes", or where the squared error of rounding is least ("mse"), or a percentile
      as a number, such as 99.99.
    scales: of weights, by channel: their "extremes", or where the squared error of rounding is least, by AI Edge
      Quantizer's "mse" or "octav".
    rounding: of weights to the "nearest" integer, or "learned": to those with which the layer answers as before.
    bias: "kept", or "corrected" by what the channel's mean is wrong, layer after layer.
    """

    ranges: str | float = "extremes"
    scales: str = "extremes"
    rounding: str = "learned"
    bias: str = "corrected"

    def __post_init__(self):
        for field in fields(self):
            value, known = getattr(self, field.name), CHOICES[field.name]
            if field.name == "ranges" and isinstance(value, (int, float)) and not isinstance(value, bool):
                if not 50 < value <= 100:
                    raise UserError(f"ranges={value:g} is no percentile: give a number above 50, up to 100.")
                continue
            if value not in known:
                told = repr(value) if isinstance(value, str) else kind(value)
                raise UserError(f"{field.name}={told} is none of {', '.join(known)}.{nearest(str(value), known)}")

    @classmethod
    def plain(cls):
        """Everything to the nearest, between the extremes."""
        return cls("extremes", "extremes", "nearest", "kept")

    @property
    def refines(self):
        """Whether the quantized file is gone through on pictures."""
        return self.rounding != "nearest" or self.bias != "kept"


def check(scheme, row, options):
    """Refuses arguments of `export` that a scheme makes nothing of.

    Raises:
      UserError: naming the argument.
    """
    tuning, engine = options["tuning"], options["engine"]
    if tuning is not None and (engine == "converter" or not row.rounded):
        who = "the converter rounds as it likes" if engine == "converter" else f"{scheme} rounds nothing to integers"
        raise UserError(f"{who}: leave tuning= out.")
    if tuning is not None and tuning.refines and options["calibration"] is None and not row.calibrated:
        raise UserError("tuning= is done on pictures: give calibration=, or take tuning=Tuning.plain().")
    if tuning is not None and tuning.ranges != "extremes" and not row.activations:
        raise UserError(f"{scheme} rounds no activations beforehand: leave the tuning's ranges out.")
    if options["max_latency"] is not None:
        raise UserError('max_latency is for scheme="auto", which measures.')
    if options["spare"] is not None and not row.spares:
        raise UserError(f"{scheme} leaves no operator out: spare is for int8_float_mixed and int8_int16_mixed.")
    if options["max_size"] is not None and not row.mixed:
        raise UserError(f'{scheme} has one size: max_size is for scheme="auto" and "weight_only_mixed".')
