"""SIGKILL at random moments of commands: no file may be half-written, and the next run must leave nothing behind.

Each command is killed some times in a row, at moments spread over the time that it takes, and then runs to its end. The
training resumes what the killed one had begun. COUNT is the number of kills over all commands.
"""

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from keras_cnns.weights import download
from tests.fuzz.counts.commands import SECONDS, Files, half_written, in_child, load_everything, run
from tests.fuzz.counts.full_disk import faults_of
from tests.fuzz.counts.servers import BODY, DIGEST, Server, answer, slowly

NAMES = ("export", "train", "report", "search", "fetch", "check", "explain")
IN_A_ROW = 8  # kills before a run to the end


class SlowServer(Server):
    """Sends a file of weights in about a second."""

    def pieces(self, number: int, start: int):
        return slowly(self.rest(start) if start else answer(BODY), 0.002, 64)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    names = sys.argv[2:] or NAMES
    root = Path(tempfile.mkdtemp(prefix="counts-killed-")).resolve()
    load_everything()
    files = Files.made(root)
    work, temporary = root / "work", root / "tmp"
    outcomes: Counter[str] = Counter()
    result: dict[str, list[str]] = {}
    server = SlowServer(Random(0))
    server.start()

    def fetch() -> None:
        os.environ["KERAS_CNNS_CACHE"] = str(work / "cache")
        os.environ["no_proxy"] = "*"
        path = download.fetch(f"{server.address}/a.bin", f"sha256:{DIGEST}")
        assert path.read_bytes() == BODY

    def start(name: str, kill_after: float | None = None):
        options = {"temporary": temporary, "kill_after": kill_after}
        if name == "fetch":
            return in_child(fetch, work, seconds=SECONDS, **options)
        return run(files.commands()[name], work, **options)

    def note(case: str, faults: list[str], kind: str) -> None:
        outcomes[kind] += 1
        for fault in faults:
            outcomes[fault.split(":")[0]] += 1
            result.setdefault(fault, []).append(case)
            print(f"{case}: {fault}", flush=True)

    try:
        for name in names:
            random = Random(f"killed {name}")
            for folder in (work, temporary):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
            shutil.copytree(files.pictures, work / "pictures")
            shutil.copy(files.file, work / "out.tflite")
            full = start(name)
            note(f"{name} undisturbed", faults_of(full, work, temporary), "runs to the end")
            left = count // len(names)
            while left:
                if name in ("train", "fetch", "search", "explain"):  # or else there is nothing left to do
                    for old in ("run", "cache", "found", "maps"):
                        shutil.rmtree(work / old, ignore_errors=True)
                    (work / "pictures" / ".keras_cnns_index.npz").unlink(missing_ok=True)
                for _ in range(min(IN_A_ROW, left)):
                    end = start(name, random.uniform(0.02, 1.0) * full.seconds)
                    left -= 1
                    kind = "killed" if end.status is not None and end.status < 0 else "ended before"
                    note(f"{name} killed", [f"half-written: {file}" for file in half_written(work)], kind)
                    if kind == "ended before":
                        note(f"{name} ended", faults_of(end, work, temporary), "checked")
                end = start(name)
                note(f"{name} after kills", faults_of(end, work, temporary), "runs to the end")
            print(name, dict(outcomes), flush=True)
    finally:
        server.ended = True
        shutil.rmtree(root, ignore_errors=True)
    print(f"| commands killed at random moments | {' | '.join(outcomes)} |")
    print("| ---: |" + " ---: |" * len(outcomes))
    print(f"| {outcomes['killed'] + outcomes['ended before']} | {' | '.join(map(str, outcomes.values()))} |")
    for fault, cases in result.items():
        print(f"{len(cases)} x {fault} ({cases[0]})")
    raise SystemExit(bool(result))


if __name__ == "__main__":
    main()
