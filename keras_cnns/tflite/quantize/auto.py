"""`scheme="auto"`: every scheme that may do is made and measured; the fastest that is good enough is handed over."""

import tempfile
from dataclasses import replace
from operator import le
from pathlib import Path

from keras_cnns.errors import UserError
from keras_cnns.files import written_aside

CANDIDATES = ("float32", "float16", "weight_only_int8", "dynamic_int8", "int8", "int8_float_islands")
SMALLEST = "weight_only_mixed"  # tried where a size is asked for that eight bits do not reach
AS_FAST = 1.05  # within this of the fastest, size decides: no shared machine measures finer


def pick(
    export,
    path,
    *,
    max_drop,
    calibrated,
    integer_io,
    max_size=None,
    max_latency=None,
    tuning=None,
    islands=None,
    **options,
):
    """Exports every candidate with `export`, and puts the best at `path`.

    max_drop: of the accuracy where labels show a drop, else of what is given away by the original's own answers.
    calibrated: pictures are there, so that schemes that need them can be tried. integer_io: only schemes whose inputs
      and outputs can be integers. max_size, max_latency: shares of the float32 file's, or None. tuning: of those that
      round.

    Returns: the report of the best, whose notes tell how it was chosen.

    Raises:
      UserError: no scheme is good enough.
    """
    from keras_cnns.tflite.quantize.schemes import SCHEMES

    tried, told = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in (*CANDIDATES, SMALLEST):
            if name == SMALLEST and (max_size is None or integer_io or _fitting(tried, max_drop, max_size, None)):
                continue
            if (SCHEMES[name].calibrated and not calibrated) or (integer_io and not SCHEMES[name].integer_io):
                continue
            try:
                how = tuning if calibrated and SCHEMES[name].rounded else None
                least = {"max_size": max_size} if name == SMALLEST else {}
                file = Path(folder, f"{name}.tflite")
                own = {"islands": islands} if name == "int8_float_islands" else {}
                report = export(path=file, scheme=name, force=True, tuning=how, **own, **least, **options)
            except UserError as error:
                told.append(f"{name}: {error}")
                continue
            tried.append(report)
        told = [*map(_told, tried, [beaten(report, tried) for report in tried]), *told]
        good = _fitting(tried, max_drop, max_size, max_latency)
        if not good:
            raise UserError(f"no scheme keeps within {_limits(max_drop, max_size, max_latency)}: {'; '.join(told)}")
        fastest = min(report.latency_ratio for report in good)
        best = min((r for r in good if r.latency_ratio <= AS_FAST * fastest), key=lambda r: r.size_bytes)
        with written_aside(path) as temporary:
            temporary.write_bytes(Path(best.path).read_bytes())
    limits = _limits(max_drop, max_size, max_latency)
    why = f"auto chose {best.scheme}, the fastest within {limits}; each relative to float32:"
    return replace(best, path=str(path), notes=(why, *told, *best.notes))


def beaten(report, tried):
    """The scheme of another report that is no worse in time, size and loss, and better in one of them; None if none is.

    What is left are the Pareto-optimal ones: each is the choice for some limits.
    """

    def figures(one):
        return one.latency_ratio, one.size_ratio, one.lost

    sound = [one for one in tried if one.status != "fail" and figures(one) != figures(report)]
    return next((o.scheme for o in sound if all(map(le, figures(o), figures(report)))), None)


def _told(report, better):
    beside = f", beaten by {better}" if better else ""
    return f"{report.scheme}: time {report.latency_ratio:.2f}, size {report.size_ratio:.2f}, {_cost(report)}{beside}"


def _fitting(tried, max_drop, max_size, max_latency):
    """The reports within all limits."""
    limits = (("lost", max_drop), ("size_ratio", max_size), ("latency_ratio", max_latency))
    limits = [(name, limit) for name, limit in limits if limit is not None]
    good = [report for report in tried if report.status != "fail"]
    return [report for report in good if all(getattr(report, name) <= limit for name, limit in limits)]


def _limits(max_drop, max_size, max_latency):
    told = [f"a loss of {max_drop:g}"]
    told += [
        f"{share:g} of the {what}" for share, what in ((max_size, "size"), (max_latency, "time")) if share is not None
    ]
    return ", ".join(told)


def _cost(report):
    if report.status == "fail":
        return f"refused ({'; '.join(report.reasons)})"
    if report.accuracy_drop is None:
        return f"loses {report.lost:.4f}"
    return f"accuracy {0 - report.accuracy_drop:+.4f}, counted as {report.lost:.4f}"
