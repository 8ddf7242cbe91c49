"""Runs numbered cases in forked children, which are watched, and counts how each case ended.

A case ends well with an answer, or with a `UserError` of one line. Everything else is a fault: another exception, a
process that dies, more than SECONDS for one case, a file opened or changed outside of the folder of the case, a program
started, a temporary file left behind. Cases are reproducible: `--only 17` repeats case 17 and shows what it raised.
"""

import argparse
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from keras_cnns.support.errors import UserError
from tests.fuzz.counts.watch import Outside, Watch

SECONDS = float(os.environ.get("COUNTS_SECONDS", "60"))  # for one case; more on a busy machine
BATCH = 200  # cases of one child
LONGEST_MESSAGE = 2000  # characters
Body = Callable[[Random, Path], str]  # a case: draws from its own random numbers, works in an empty folder


class Harness:
    """The scratch folder of a count: `work` is the folder of the case, `outside` is watched, `tmp` is for temporaries.

    name: seeds the random numbers. body: one case. prepare: called in each child before its first case, with a folder
    that its cases share. batch: cases of one child. reads: whether reading other files is a fault; not where a case is
    a call whose arguments name them.
    """

    def __init__(
        self,
        name: str,
        body: Body,
        *,
        prepare: Callable[[Path], object] = lambda folder: None,
        batch: int = BATCH,
        reads: bool = True,
    ) -> None:
        self.name, self.body, self.prepare, self.batch = name, body, prepare, batch
        self.reads = reads
        self.root = Path(tempfile.mkdtemp(prefix=f"counts-{name}-")).resolve()
        self.work, self.tmp = self.root / "work", self.root / "tmp"
        self.tmp.mkdir()
        self.outside = Outside(self.root / "outside")
        self.outcomes: Counter[str] = Counter()
        self.faults: dict[str, list[int]] = defaultdict(list)

    def close(self) -> None:
        self.outside.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, numbers: Sequence[int], seconds: float = SECONDS) -> None:
        """Runs the cases with these numbers."""
        waiting = list(numbers)
        while waiting:
            done = self._batch(waiting[: self.batch], seconds)
            waiting = waiting[done:]

    def _batch(self, numbers: Sequence[int], seconds: float) -> int:
        """Runs the cases in one child, up to the first that ends or stops it; returns how many were run."""
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            os.close(read_end)
            self._child(numbers, write_end)
        os.close(write_end)
        deadline, text, done = time.monotonic() + 10 * seconds, "", 0  # the first one waits for `prepare`
        reason = ""
        while not reason:
            ready, _, _ = select.select([read_end], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(read_end, 65536).decode() if ready else ""
            text += piece
            *lines, text = text.split("\n")
            for line in lines:
                deadline = time.monotonic() + seconds
                if line != "ready":
                    self._note(numbers[done], line)
                    done += 1
            if not ready:
                reason = f"hang: longer than {seconds:g} s"
            elif not piece:
                reason = "end"
        os.close(read_end)
        if reason != "end":
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if done < len(numbers):
            code = os.waitstatus_to_exitcode(status)
            self._note(numbers[done], reason if reason != "end" else f"crash: exit {code}")
            done += 1
        for name in self.outside.touched():
            self._note(numbers[done - 1], f"outside: {name} was touched", extra=True)
        return done

    def _note(self, number: int, outcome: str, extra: bool = False) -> None:
        kind = outcome.split(":")[0]
        self.outcomes[kind] += 1
        if extra:
            self.outcomes["extra"] += 1
        if kind not in ("answer", "refused"):
            self.faults[outcome].append(number)

    def _child(self, numbers: Sequence[int], write_end: int) -> None:
        """Never returns."""
        try:
            os.setpgid(0, 0)
            self._settle()
            os.write(write_end, b"ready\n")
            for number in numbers:
                os.write(write_end, (self.outcome(number).replace("\n", " ")[:1500] + "\n").encode(errors="replace"))
            sys.stderr.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(70)

    def _settle(self) -> None:
        """Makes this process one in which cases may run."""
        tempfile.tempdir = str(self.tmp)
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, *(() if os.environ.get("COUNTS_STDERR") else (2,))):
            os.dup2(quiet, number)
        self.work.mkdir(exist_ok=True)
        shared = Path(tempfile.mkdtemp(prefix="shared-", dir=self.root))
        self.prepare(shared)
        self.watch = Watch([self.work, self.tmp, shared], reads=self.reads)

    def outcome(self, number: int, show: bool = False) -> str:
        """How a case ended: "answer", "refused", or a fault and what it was."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.watch.start()
        try:
            outcome = self.body(Random(f"{self.name} {number}"), self.work) or "answer"
        except UserError as error:
            text = str(error)
            sound = text.strip() and len(text.splitlines()) == 1 and "Traceback" not in text
            outcome = "refused" if sound and len(text) < LONGEST_MESSAGE else f"message: {text[:200]!r}"
        except (Exception, SystemExit) as error:
            if show:
                traceback.print_exc()
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/fuzz/" not in f.filename]
            where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "the count itself"
            outcome = f"traceback: {type(error).__name__} at {where}: {str(error)[:150]}"
        finally:
            events = self.watch.stop()
        if events:
            return f"outside: {events[0]}"
        left = [path.name for path in self.tmp.iterdir() if not path.name.startswith("__autograph")]
        for name in left:
            path = self.tmp / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return f"left over: {left[0]}" if left else outcome

    def table(self, title: str) -> str:
        """The counts of every kind of end as a table, and each fault with the numbers of its first cases."""
        kinds = ("answer", "refused", "traceback", "message", "crash", "hang", "outside", "left over", "half")
        names = ("answers", "refused in a line", "tracebacks", "messages of many lines", "crashes", "hangs")
        names += ("outside", "left over", "half-written")
        total = sum(n for kind, n in self.outcomes.items() if kind != "extra") - self.outcomes["extra"]
        lines = [
            f"| {title} | {' | '.join(names)} |",
            "| ---: |" + " ---: |" * len(names),
            f"| {total} | {' | '.join(str(self.outcomes[kind]) for kind in kinds)} |",
        ]
        lines += [f"{len(n)} x {fault} (cases {n[:4]})" for fault, n in sorted(self.faults.items())]
        return "\n".join(lines)


def main(harness: Harness, title: str, default: int) -> None:
    """The main function of a count: `COUNT`, `--start` and `--only` on the command line; exits with 1 after a fault."""
    parser = argparse.ArgumentParser(description=f"Counts how cases of {title} end.")
    parser.add_argument("count", type=int, nargs="?", default=default, help=f"number of cases; {default} by default")
    parser.add_argument("--start", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="one case, in this process, with what it raises")
    flags = parser.parse_args()
    try:
        if flags.only is not None:
            os.environ["COUNTS_STDERR"] = "1"
            output = os.dup(1)
            harness._settle()
            os.dup2(output, 1)
            print(harness.outcome(flags.only, show=True))
            return
        harness.run(range(flags.start, flags.start + flags.count))
        print(harness.table(title))
    finally:
        harness.close()
    raise SystemExit(bool(harness.faults))
