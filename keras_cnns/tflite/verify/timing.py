"""How fast files are on this host. The files take turns: on a shared machine only ratios can be trusted."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError
from keras_cnns.support.validation import every, kind, number, path_of, whole
from keras_cnns.tflite.targets import runner


@dataclass(frozen=True)
class Timing:
    """The time of one file with one number of threads.

    Attributes:
      median_ms: of a run; half of the runs took between low_ms and high_ms.
      ratio: median of the time divided by the first file's, run by run (1 for the first file, lower is faster).
      peak_bytes: memory that opening and running the file took.
      operators: how many there are; partitions: pieces of the graph that XNNPACK runs; undelegated: operator -> how
        many of them XNNPACK leaves to slower kernels.
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
    undelegated: dict[str, int]


def benchmark(
    paths: Any,
    *,
    threads: Sequence[int] = (1, 2),
    runs: int = 50,
    warmup: int = 5,
    seconds: float = 20.0,
    xnnpack: Sequence[bool] = (True,),
) -> list[Timing]:
    """Times `.tflite` files against each other on this host.

    Args:
      paths: the files; ratios are to the first.
      threads: numbers of threads to try.
      runs: of each file in each setting.
      warmup: runs before those that count.
      seconds: after which a setting ends, even if there were fewer runs.
      xnnpack: True with XNNPACK, False without it; both may be listed.

    Returns: a list of `Timing`, file by file within each setting.

    Raises:
      UserError: a file is missing, or LiteRT cannot run it.

    >>> [(t.path, t.threads) for t in keras_cnns.tflite.benchmark(["float32.tflite", "int8.tflite"])]
    """
    paths = files(paths)
    check(threads, runs)
    if not whole(warmup, 0) or not number(seconds) or not every(xnnpack, bool):
        raise UserError("warmup is a whole number, seconds a number, and xnnpack a list of True and False.")
    resolved = [str(path.resolve()) for path in paths]
    descriptions = [runner.ask("describe", file=file)[0] for file in resolved]
    rows = []
    for delegated in xnnpack:
        for count in threads:
            job: dict[str, Any] = {
                "threads": count,
                "xnnpack": delegated,
                "runs": runs,
                "warmup": warmup,
                "seconds": seconds,
            }
            times = runner.ask("time", files=resolved, **job)[0]["times_ms"]
            for path, milliseconds, inside in zip(paths, times, descriptions, strict=True):
                low, median, high = np.percentile(milliseconds, (25, 50, 75))
                rows.append(
                    Timing(
                        path=str(path),
                        threads=count,
                        xnnpack=delegated,
                        runs=len(milliseconds),
                        median_ms=float(median),
                        low_ms=float(low),
                        high_ms=float(high),
                        ratio=float(np.median(np.divide(milliseconds, times[0]))),
                        peak_bytes=inside["peak_bytes"],
                        operators=len(inside["operators"]),
                        partitions=inside["partitions"] if delegated else 0,
                        undelegated=inside["undelegated"] if delegated else {},
                    )
                )
    return rows


def files(paths: Any) -> list[Path]:
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


def check(threads: Sequence[int], runs: int) -> None:
    """Raises UserError where a number of runs, or one of the numbers of threads, is not a whole number from 1."""
    if not whole(runs, 1) or not every(threads, numbers.Integral) or not all(whole(count, 1) for count in threads):
        raise BadArgument("runs and threads must be at least 1: a whole number, and a list of them.")


def table(rows: Sequence[Timing], *, title: str | None = None) -> Any:
    """A `rich.table.Table` of timings."""
    from rich.table import Table

    timings = Table(title=title)
    for column in ("file", "threads", "XNNPACK", "ms", "half within", "ratio", "peak", "operators", "outside XNNPACK"):
        timings.add_column(column, justify="left" if column in ("file", "outside XNNPACK") else "right")
    for row in rows:
        left = ", ".join(f"{count} {name}" for name, count in row.undelegated.items())
        timings.add_row(
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
    return timings
