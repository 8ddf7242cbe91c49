"""How fast files are on this host: the files take turns, because on a shared machine only ratios last."""

import numbers
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError
from keras_cnns.support.validation import every, kind, number, path_of, whole
from keras_cnns.tflite.targets import runner


@dataclass(frozen=True)
class Timing:
    """One file with one number of threads.

    median_ms, low_ms, high_ms: half of the runs lie between the last two. ratio: to the first file of the call, from
    run to run. partitions: pieces of the graph that XNNPACK runs; undelegated: the operators it leaves.
    """

    path: str
    threads: int
    xnnpack: bool
    runs: int
    median_ms: float
    low_ms: float
    high_ms: float
    ratio: float
    peak_bytes: int
    operators: int
    partitions: int
    undelegated: dict


def benchmark(paths, *, threads=(1, 2), runs=50, warmup=5, seconds=20.0, xnnpack=(True,)):
    """Times `.tflite` files against each other on this host.

    Args:
      paths: the files; ratios are to the first.
      threads: numbers of threads to try.
      runs, seconds: so many runs of each file, or fewer when the time (of one setting, all files together) is over.
      xnnpack: with XNNPACK, without it (False), or both.

    Returns: a list of `Timing`, file by file within each setting.

    Raises:
      UserError: a file is missing, or LiteRT cannot run it.
    """
    paths = files(paths)
    check(threads, runs)
    if not whole(warmup, 0) or not number(seconds) or not every(xnnpack, bool):
        raise UserError("warmup is a whole number, seconds a number, and xnnpack a list of True and False.")
    places = [str(path.resolve()) for path in paths]
    insides = [runner.ask("describe", file=file)[0] for file in places]
    rows = []
    for delegated in xnnpack:
        for count in threads:
            job = {"threads": count, "xnnpack": delegated, "runs": runs, "warmup": warmup, "seconds": seconds}
            times = runner.ask("time", files=places, **job)[0]["times_ms"]
            for path, spent, inside in zip(paths, times, insides, strict=True):
                low, median, high = np.percentile(spent, (25, 50, 75))
                rows.append(
                    Timing(
                        path=str(path),
                        threads=count,
                        xnnpack=delegated,
                        runs=len(spent),
                        median_ms=float(median),
                        low_ms=float(low),
                        high_ms=float(high),
                        ratio=float(np.median(np.divide(spent, times[0]))),
                        peak_bytes=inside["peak_bytes"],
                        operators=len(inside["operators"]),
                        partitions=inside["partitions"] if delegated else 0,
                        undelegated=inside["undelegated"] if delegated else {},
                    )
                )
    return rows


def files(paths):
    """The files to time, one or several, as a list of paths.

    Raises:
      UserError: there are none, or one is no file.
    """
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    if not isinstance(paths, (list, tuple)):
        raise BadArgument(f"files are given as a list of paths, not as {kind(paths)}.")
    paths = [path_of(path) for path in paths]
    if not paths:
        raise BadArgument("no file to benchmark: give one or more .tflite files.")
    for path in paths:
        if not path.is_file():
            raise UnreadableFile(f"there is no file {path}.")
    return paths


def check(threads, runs):
    """Raises UserError where a number of runs, or one of the numbers of threads, is none from 1."""
    if not whole(runs, 1) or not every(threads, numbers.Integral) or not all(whole(count, 1) for count in threads):
        raise BadArgument("runs and threads must be at least 1: a whole number, and a list of them.")


def table(rows, *, title=None):
    """A `rich.table.Table` of timings."""
    from rich.table import Table

    made = Table(title=title)
    for column in ("file", "threads", "XNNPACK", "ms", "half within", "ratio", "peak", "operators", "outside XNNPACK"):
        made.add_column(column, justify="left" if column in ("file", "outside XNNPACK") else "right")
    for row in rows:
        left = ", ".join(f"{count} {name}" for name, count in row.undelegated.items())
        made.add_row(
            Path(row.path).name,
            str(row.threads),
            "on" if row.xnnpack else "off",
            f"{row.median_ms:.2f}",
            f"{row.low_ms:.2f} - {row.high_ms:.2f}",
            f"{row.ratio:.2f}",
            f"{row.peak_bytes / 1e6:.1f} MB",
            str(row.operators),
            (left or "none") if row.xnnpack else "all",
        )
    return made
