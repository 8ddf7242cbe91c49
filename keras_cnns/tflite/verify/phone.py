"""Times files on a phone, by LiteRT's `benchmark_model` over adb, in alternating runs."""

import re
import shlex
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError
from keras_cnns.support.validation import path_of, short, whole
from keras_cnns.tflite.verify import timing

FOLDER = "/data/local/tmp/keras_cnns"
TOOL = f"{FOLDER}/benchmark_model"
WHERE = "https://ai.google.dev/edge/litert/models/measurement"


@dataclass(frozen=True)
class PhoneTiming:
    """The time of one file on one phone.

    Attributes:
      median_ms: median over the rounds of each round's mean time of a run; low_ms, high_ms: the extremes.
      ratio: median of the time divided by the first file's, round by round (lower is faster).
      peak_mb: largest memory use, in megabytes; None if the tool did not print it.
    """

    phone: str
    path: str
    threads: int
    delegate: str
    rounds: int
    median_ms: float
    low_ms: float
    high_ms: float
    ratio: float
    peak_mb: float | None


DELEGATES = {
    "xnnpack": ["--use_xnnpack=true"],
    "cpu": ["--use_xnnpack=false"],
    "gpu": ["--use_gpu=true"],
    "nnapi": ["--use_nnapi=true"],
}


def benchmark_on_phone(
    paths: Any,
    *,
    tool: Any = None,
    serial: str | None = None,
    threads: Sequence[int] = (1, 2),
    delegate: str = "xnnpack",
    rounds: int = 3,
    runs: int = 50,
    adb: str = "adb",
) -> list[PhoneTiming]:
    """Times `.tflite` files on the phone that adb sees.

    Args:
      paths: the files; ratios are to the first.
      tool: LiteRT's `benchmark_model` for Android, to be copied to the phone; needed once.
      serial: of the phone, if there are several.
      threads: numbers of threads to try.
      delegate: a key of `DELEGATES`.
      rounds, runs: each file is run `runs` times in each of `rounds` rounds.
      adb: the command.

    Raises:
      UserError: there is no adb, no phone, more than one phone, or no tool, or the tool failed.

    >>> keras_cnns.tflite.benchmark_on_phone("net.tflite", tool="android_aarch64_benchmark_model")
    """
    paths = timing.files(paths)
    if tool and not path_of(tool, "tool").is_file():
        raise UnreadableFile(f"there is no file {tool}.")
    if not whole(rounds, 1):
        raise BadArgument(f"rounds is {short(rounds)}: give a whole number from 1.")
    timing.check(threads, runs)
    if not isinstance(delegate, str) or delegate not in DELEGATES:
        raise BadArgument(f"there is no delegate {delegate!r}: choose from {', '.join(DELEGATES)}.")
    phone = Phone(adb, serial)
    phone.shell("mkdir", "-p", FOLDER)
    if tool:
        phone.push(tool, TOOL)
        phone.shell("chmod", "+x", TOOL)
    elif "yes" not in phone.shell(f"test -x {TOOL} && echo yes || echo no", plain=True):
        raise BadArgument(f"{phone.name} has no benchmark_model yet: give the file for Android once, see {WHERE}")
    there = [f"{FOLDER}/{number}_{path.name}" for number, path in enumerate(paths)]
    try:
        for path, target in zip(paths, there, strict=True):
            phone.push(path, target)
        return [row for count in threads for row in _rows(phone, paths, there, count, delegate, rounds, runs)]
    finally:
        phone.shell("rm", "-f", *there, check=False)


def _rows(
    phone: "Phone", paths: Sequence[Path], there: Sequence[str], threads: int, delegate: str, rounds: int, runs: int
) -> Iterator[PhoneTiming]:
    results: list[list] = [[] for _ in paths]
    for _ in range(rounds):
        for target, measured in zip(there, results, strict=True):
            flags = [f"--graph={target}", f"--num_threads={threads}", f"--num_runs={runs}", "--warmup_runs=5"]
            measured.append(parse(phone.shell(TOOL, *flags, *DELEGATES[delegate])))
    for path, measured in zip(paths, results, strict=True):
        times = [ms for ms, _ in measured]
        ratios = [ms / first for ms, (first, _) in zip(times, results[0], strict=True)]
        peaks = [peak for _, peak in measured if peak is not None]
        yield PhoneTiming(
            phone=phone.name,
            path=str(path),
            threads=threads,
            delegate=delegate,
            rounds=rounds,
            median_ms=statistics.median(times),
            low_ms=min(times),
            high_ms=max(times),
            ratio=statistics.median(ratios),
            peak_mb=max(peaks) if peaks else None,
        )


def table(rows: Sequence[PhoneTiming], *, title: str | None = None) -> Any:
    """A `rich.table.Table` of timings."""
    from rich.table import Table

    timings = Table(title=title or rows[0].phone, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("file", "threads", "on", "ms", "between", "ratio", "peak MB"):
        timings.add_column(column, justify="left" if column in ("file", "on") else "right")
    for row in rows:
        between, peak = f"{row.low_ms:.2f} - {row.high_ms:.2f}", "-" if row.peak_mb is None else f"{row.peak_mb:.1f}"
        figures = (str(row.threads), row.delegate, f"{row.median_ms:.2f}", between, f"{row.ratio:.2f}", peak)
        timings.add_row(Path(row.path).name, *figures)
    return timings


def parse(text: str) -> tuple[float, float | None]:
    """(mean milliseconds of a run, peak megabytes or None) from the output of benchmark_model.

    Raises:
      UserError: it printed no timings.
    """
    timing = re.search(r"Inference \(avg\): ([\d.e+]+)", text) or re.search(r"count=\d{2,}.*?avg=([\d.e+]+)", text)
    if not timing:
        lines = [line.strip() for line in text.splitlines() if "ERROR" in line] or text.strip().splitlines()[-1:]
        raise UserError(f"benchmark_model gave no timings: {lines[0][:200] if lines else 'it printed nothing'}")
    peak = re.search(r"Peak memory footprint.*?overall=([\d.]+)", text) or re.search(r"overall=([\d.]+)", text)
    return float(timing[1]) / 1e3, float(peak[1]) if peak else None


class Phone:
    """A phone connected by adb."""

    def __init__(self, adb: str = "adb", serial: str | None = None) -> None:
        if shutil.which(adb) is None:
            raise UserError(f"{adb} is not installed: install Android's platform tools.")
        self.adb = adb
        lines = [line.split() for line in self._run(["devices"]).splitlines()[1:] if line.strip()]
        states = {words[0]: words[1] for words in lines if len(words) > 1}
        ready = [name for name, state in states.items() if state == "device"]
        if serial is None and len(ready) > 1:
            raise UserError(f"adb sees {len(ready)} phones ({', '.join(ready)}): say which with serial=.")
        self.serial = serial or (ready[0] if ready else "")
        if self.serial not in ready:
            seen = ", ".join(f"{name} is {state}" for name, state in states.items()) or "it sees none"
            raise UserError(f"adb has no phone {self.serial or ''}({seen}): plug it in and allow USB debugging.")
        self.name = self.shell("getprop", "ro.product.model").strip() or self.serial

    def push(self, source: str | Path, target: str) -> None:
        """Copies a file to the phone."""
        self._run(["-s", self.serial, "push", str(source), target])

    def shell(self, *words: str, plain: bool = False, check: bool = True) -> str:
        """The output of a command on the phone. plain: `words` is one line for the phone's shell, not to be quoted."""
        line = words[0] if plain else shlex.join(words)
        return self._run(["-s", self.serial, "shell", line], check)

    def _run(self, words: Sequence[str], check: bool = True) -> str:
        done = subprocess.run([self.adb, *words], capture_output=True, text=True, errors="replace")
        if check and done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
            raise UserError(f"adb {words[2] if words[0] == '-s' else words[0]} failed: {lines[:200]}")
        return done.stdout + done.stderr
