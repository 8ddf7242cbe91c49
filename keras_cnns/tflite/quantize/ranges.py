"""The ranges of quantized tensors, measured on the calibration pictures."""

import contextlib
import io
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import calibrator, quantizer
from litert_quantizer.algorithms.uniform_quantize import common_quantize
from litert_quantizer.utils import qsv_utils

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.streams import stderr_closed
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.inputs.pictures import batched
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.steps import File

# The customary ranges of pictures: a calibration that fills one of them nearly is meant to fill it, and then a camera's
# bytes go into an integer input as they are.
PICTURE_RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
SLACK = 0.1  # of a customary range, that pictures may leave free at either end
NEAR, MANY = 1e-3, 0.05  # steps from half-way, and the share of values there from which the range is changed
FEWEST = 16  # pictures that a percentile of is anything but their extremes
USUAL, BEYOND = 95, 0.5  # share of the pictures, and of their range, in `usual_ends`
BINS = 2048
LARGEST = 3e38  # values beyond do not count, as in the quantizer's own meter: some mean minus infinity
VALUES = 20_000  # of a tensor in one picture that are counted
SHRUNK = np.linspace(0.3, 1.0, 71)  # shares of an extreme that are tried


def measure(int_quantizer: quantizer.Quantizer, data: bytes, job: Job) -> dict[str, dict[str, Any]]:
    """The range of each tensor by `job.tuning.ranges`; inputs get the customary range of pictures where it fits.

    The quantizer's own moving average is not used: with a few dozen pictures it clips values that only some of them
    reach.

    Raises:
      UserError: a tensor is not finite for some picture, or there are too few pictures for a percentile.
    """
    way, count = job.tuning.ranges, len(next(iter(job.pictures.values())))
    if not isinstance(way, str) and count < FEWEST:
        raise BadArgument(
            f'a percentile of {count} pictures does not hold for others: give {FEWEST} or more, or ranges="extremes".'
        )
    all_results, pictures = bytes(flatbuffer.all_read(data)), list(batched(job.pictures, job.batch))
    tensor_ranges = extremes(int_quantizer, all_results, pictures, usual=way == "usual" and _bits(int_quantizer) == 8)
    endless = [
        name for name, r in tensor_ranges.items() if not (np.isfinite(r["min"]).all() and np.isfinite(r["max"]).all())
    ]
    if endless and len(flatbuffer.read(data).subgraphs) == 1:  # a loop may well begin at infinity
        raise BadArgument(_first_endless(all_results, pictures, set(endless)))
    if way not in ("usual", "extremes"):
        tensor_ranges = _narrowed(all_results, pictures, tensor_ranges, way)
    for name, tensor in _input_tensors(data).items():
        if tensor in tensor_ranges:  # numbers of words, say, stay what they are
            tensor_ranges[tensor] = _between(
                tensor_ranges[tensor], *_of_input(tensor_ranges[tensor], job.pictures[name])
            )
    return tensor_ranges


def extremes(
    int_quantizer: quantizer.Quantizer,
    data: bytes,
    pictures: Sequence[Mapping[str, np.ndarray]],
    *,
    usual: bool = False,
) -> dict[str, dict[str, Any]]:
    """The smallest and the largest value of each tensor that `int_quantizer` rounds.

    The quantizer's own meter copies all weights and results of the graph for each picture. So it says which tensors it
    wants on the first picture, and then these alone are read; inside loops it reads all.

    usual: results that operators with weights depend on have `usual_ends`.
    """
    simple = len(flatbuffer.read(data).subgraphs) == 1
    with quantizer_quiet():
        meter = calibrator.Calibrator(data, num_threads=2, qsv_update_func=qsv_utils.min_max_update)
        meter.calibrate({"serving_default": pictures[:1] if simple else pictures}, int_quantizer._recipe_manager)
    found = meter.get_model_qsvs()
    del meter
    tensors = _input_tensors(data)
    runs: dict[str, list[dict[str, np.ndarray]]] = {}
    for inputs, results in zip(pictures, _watched(data, pictures, set(found)), strict=True):
        for name, values in {**results, **{tensors[name]: array for name, array in inputs.items()}}.items():
            if name in found:
                runs.setdefault(name, []).append(_ends_of(values))
    limited = _before_weights(data) if usual else set()
    for name, ends in runs.items():
        low, high = (np.array([float(np.min(run[end])) for run in ends]) for end in ("min", "max"))
        least, most = usual_ends(low, high) if name in limited else (float(low.min()), float(high.max()))
        found[name] = _between(found[name], least, most)
    return found


def _bits(int_quantizer: quantizer.Quantizer) -> int:
    """The bits of activations; 16 have steps enough for all pictures."""
    return int_quantizer.get_quantization_recipe()[0]["op_config"]["activation_tensor_config"]["num_bits"]


def usual_ends(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """The extremes of a tensor over all pictures, but not far beyond what 95 % of the pictures reach.

    One picture that reaches ten times as far as the others would make the steps ten times as coarse for all. Up to half
    of the usual range is added at either end.

    Args:
      low, high: [N], the extremes for each picture.
    """
    least, most = float(low.min()), float(high.max())
    if len(low) < FEWEST:
        return least, most
    usual_low, usual_high = np.percentile(low, 100 - USUAL), np.percentile(high, USUAL)
    beyond = BEYOND * (usual_high - usual_low)
    if not beyond > 0:  # a tensor that is constant for most pictures, or NaN
        return least, most
    return max(least, float(usual_low - beyond)), min(most, float(usual_high + beyond))


def _before_weights(data: bytes) -> set[str]:
    """The names of the results that operators with weights depend on.

    What comes after the last weights is the answer itself, such as the score of what few pictures show.
    """
    file = File(data)
    read: set[int] = set()
    for operator in reversed(file.operators):
        if read.intersection(operator.outputs) or Kernel.of(file, operator):
            read.update(operator.inputs)
    return {file.name(i) for i in read.difference(file.graph.inputs) if i >= 0}


def _ends_of(values: np.ndarray) -> dict[str, np.ndarray]:
    low, high = values.min(), values.max()
    if not (low > -LARGEST and high < LARGEST):
        return common_quantize.get_activation_min_max(values, -LARGEST, LARGEST)
    return {"min": low, "max": high}


def picture_range(low: float, high: float) -> tuple[float, float] | None:
    """The customary range that values from `low` to `high` nearly fill; None if there is none."""
    for least, most in PICTURE_RANGES:
        slack = SLACK * (most - least)
        if least <= low <= least + slack and most - slack <= high <= most:
            return least, most
    return None


def between_steps(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The range, widened by 1/254 if int8 would put the values exactly half-way between two of its steps.

    Pixels from 0 to 255 that become `x / 127.5 - 1` all do so in the range (-1, 1): a difference of 1e-7 in how they
    are computed then decides between two integers.

    Args:
      values: to be rounded, of any shape.
      low, high: the range, which includes zero.
    """
    wider = low, low + (high - low) * 255 / 254
    before, after = (_half_way(values, *ends) for ends in ((low, high), wider))
    return wider if before > MANY and after < before else (low, high)


def _half_way(values: np.ndarray, low: float, high: float) -> float:
    """The share of values that lie half-way between two of 255 steps."""
    steps = np.asarray(values, np.float64) * (255 / (high - low))
    return float(np.mean(np.abs(steps - np.floor(steps) - 0.5) < NEAR))


def least_error(counts: np.ndarray, low: float, high: float, steps: int = 255) -> tuple[float, float]:
    """The range within (low, high) for which rounding to `steps` steps and clipping make the smallest squared error.

    Args:
      counts: of values in equal parts of (low, high), which includes zero.
    """
    edges = np.linspace(low, high, len(counts) + 1)
    values = (edges[1:] + edges[:-1]) / 2
    best = (low, high)
    for _ in range(2):  # one end, the other, and once more
        for end in (1, 0):
            tried = [(best[0], high * share) if end else (low * share, best[1]) for share in SHRUNK]
            errors = []
            for least, most in tried:
                beyond = np.maximum(values - most, 0) + np.maximum(least - values, 0)
                inside = ((most - least) / steps) ** 2 / 12
                errors.append(np.sum(counts * np.where(beyond > 0, beyond**2, inside)))
            best = tried[int(np.argmin(errors[::-1])) * -1 - 1]  # the widest of equals
    return best


def _narrowed(
    data: bytes, pictures: Iterable[Mapping[str, np.ndarray]], extremes: Mapping[str, dict[str, Any]], way: str | float
) -> dict[str, dict[str, Any]]:
    """The ranges by squared error or by a percentile, of the tensors in `extremes`."""
    kept = dict(extremes)
    totals: dict[str, np.ndarray] = {}
    for values in _watched(data, pictures, set(extremes)):
        for name, array in values.items():
            low, high = _ends(extremes[name])
            flat = array.reshape(-1)
            flat = flat[:: max(1, flat.size // VALUES)]
            counts, _ = np.histogram(flat, BINS, (low, high))
            totals[name] = totals.get(name, 0) + counts
    for name, counts in totals.items():
        low, high = _ends(extremes[name])
        if isinstance(way, str):
            kept[name] = _between(extremes[name], *least_error(counts, low, high))
        elif counts.sum() * (100 - way) >= 100:  # where it lies beyond the last value, the extremes are all there is
            share = np.cumsum(counts) / counts.sum()
            edges = np.linspace(low, high, BINS + 1)
            beyond = (1 - way / 100) / 2 if low < 0 else 0.0
            least = edges[np.searchsorted(share, beyond, side="right")] if beyond else low
            most = edges[np.searchsorted(share, 1 - (1 - way / 100 - beyond)) + 1]
            kept[name] = _between(extremes[name], min(least, 0.0), max(most, 0.0))
    return kept


def _ends(held: Mapping[str, Any]) -> tuple[float, float]:
    """Of a range, which always holds zero; a tensor that is zero throughout has the range (0, 1)."""
    low, high = min(float(held["min"].min()), 0.0), max(float(held["max"].max()), 0.0)
    return (low, high) if low < high else (0.0, 1.0)


def _watched(
    data: bytes, pictures: Iterable[Mapping[str, np.ndarray]], wanted: Collection[str]
) -> Iterator[dict[str, np.ndarray]]:
    """`{name: array}` of the wanted results that are computed, for each of `pictures`."""
    file = Interpreter(model_content=data, num_threads=2, experimental_preserve_all_tensors=True)
    file.allocate_tensors()
    runner = file.get_signature_runner("serving_default")
    model = flatbuffer.read(data)
    tensors, results = (
        model.subgraphs[0].tensors,
        [i for o in model.subgraphs[0].operators for i in o.outputs if i >= 0],
    )
    known = {i: tensors[i].name.decode() for i in results if tensors[i].name.decode() in wanted}
    for inputs in pictures:
        runner(**inputs)
        yield {name: file.get_tensor(i) for i, name in known.items()}


def _first_endless(data: bytes, pictures: Iterable[Mapping[str, np.ndarray]], wanted: Collection[str]) -> str:
    for place, values in enumerate(_watched(data, pictures, wanted)):
        for name, array in values.items():
            if not np.isfinite(array).all():
                what = "NaN" if np.isnan(array).any() else "infinite"
                return (
                    f"calibration picture {place} makes {name.split(';')[0]} {what}: leave it out, or mend the layer."
                )
    return f"{sorted(wanted)[0].split(';')[0]} is not finite on the calibration pictures: mend the layer."


def _of_input(held: Mapping[str, Any], pictures: np.ndarray) -> tuple[float, float]:
    """The range of an input: a customary one that its pictures nearly fill, or their extremes; between its steps."""
    low, high = float(held["min"].min()), float(held["max"].max())
    if customary := picture_range(low, high):
        low, high = customary
        return between_steps(np.linspace(low, high, 256), low, high)
    low, high = min(low, 0.0), max(high, 0.0)
    return between_steps(pictures, low, high) if high > low else (low, high)


def _between(held: Mapping[str, Any], low: float, high: float) -> dict[str, Any]:
    shape = held["min"].shape
    return {**held, "min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def _input_tensors(data: bytes) -> dict[str, str]:
    """{input name: name of its tensor}."""
    details = Interpreter(model_content=bytes(data)).get_signature_runner("serving_default").get_input_details()
    return {name: detail["name"] for name, detail in details.items()}


@contextlib.contextmanager
def quantizer_quiet() -> Iterator[None]:
    """Hides the quantizer's progress bars and warnings, which would otherwise appear in the middle of a table."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()), stderr_closed():
        warnings.simplefilter("ignore")
        yield
