"""Every command on a disk with ten amounts of room, with a full folder for temporary files, and in a read-only folder.

The disk is a tmpfs that the count mounts, which takes root; others get limits on the size of a file (RLIMIT_FSIZE).
COUNT is the number of commands that are tried, each with all amounts of room; or name them behind it. At last each runs
with enough room, and no temporary file may be left.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.fuzz.counts.commands import SOUND_ENDS, End, Files, clear, half_written, left_over, load_everything, run

ROOM = tuple(1024 * n for n in (0, 4, 12, 28, 60, 124, 252, 508, 1020, 2044))  # bytes
PLENTY = 64 * 2**20
NOBODY = 65534  # a user without rights


class Disk:
    """A folder on a disk of its own, whose room can be set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(folder)]
        self.mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0

    def leave(self, room: int) -> None:
        """Leaves so many bytes of room."""
        if self.mounted:
            status = os.statvfs(self.folder)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            size = max(used + room, 4096)  # 0 would be without limit
            subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)
        else:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard if room == PLENTY else room, hard))

    def close(self) -> None:
        self.leave(PLENTY)
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)


def faults_of(end: End, *folders: Path) -> list[str]:
    """What was wrong with the end of a command in these folders."""
    faults = []
    if end.status is None:
        faults.append("hang")
    elif end.status not in SOUND_ENDS:
        faults.append(f"exit {end.status}: {end.text.strip().splitlines()[-1:]}")
    if "Traceback" in end.text:
        faults.append(f"traceback: {end.text.strip().splitlines()[-1][:200]}")
    faults += [f"half-written: {name}" for folder in folders for name in half_written(folder)]
    return faults + [f"left over: {name}" for name in left_over(*folders)]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    only = [word for word in sys.argv[2:] if word != "--quick"]  # names of commands
    rooms = (0, ROOM[3]) if "--quick" in sys.argv else ROOM
    root = Path(tempfile.mkdtemp(prefix="counts-disk-")).resolve()
    load_everything()
    files = Files.made(root)
    disk, temporary = Disk(root / "disk"), root / "tmp"
    temporary.mkdir()
    root.chmod(0o755)
    temporary.chmod(0o777)
    outcomes: Counter[str] = Counter()
    result: dict[str, list[str]] = {}

    def note(case: str, end: End, *folders: Path) -> None:
        faults = faults_of(end, *folders)
        outcomes["done" if end.status == 0 else "refused in a line"] += not faults
        for fault in faults:
            outcomes[fault.split(":")[0]] += 1
            result.setdefault(fault, []).append(case)
            print(f"{case}: {fault}", flush=True)

    def prepare(folder: Path) -> None:
        disk.leave(PLENTY)
        clear(folder)
        shutil.copytree(files.pictures, folder / "pictures")
        shutil.copy(files.file, folder / "out.tflite")

    try:
        for name, words in list(files.commands().items())[:count]:
            if only and name not in only:
                continue
            for room in rooms:
                prepare(disk.folder)
                disk.leave(room)
                note(f"{name} with {room} bytes", run(words, disk.folder, temporary=temporary), disk.folder, temporary)
            disk.leave(PLENTY)
            end = run(words, disk.folder, temporary=temporary)
            note(f"{name} with room again", end, disk.folder, temporary)
            clear(disk.folder)
            work = root / "work"
            work.mkdir(exist_ok=True)
            prepare(work)
            for room in (0, 60 * 1024):
                disk.leave(room)
                end = run(words, work, temporary=disk.folder)
                disk.leave(PLENTY)
                note(f"{name} with {room} bytes of temporary room", end, work, disk.folder)
            if os.geteuid() == 0:
                prepare(work)
                work.chmod(0o555)
                note(
                    f"{name} in a read-only folder", run(words, work, temporary=temporary, user=NOBODY), work, temporary
                )
                work.chmod(0o755)
            print(name, dict(outcomes), flush=True)
    finally:
        disk.close()
        shutil.rmtree(root, ignore_errors=True)
    print(f"| commands on a full disk ({'tmpfs' if disk.mounted else 'RLIMIT_FSIZE'}) | {' | '.join(outcomes)} |")
    print("| ---: |" + " ---: |" * len(outcomes))
    print(f"| {outcomes.total()} | {' | '.join(map(str, outcomes.values()))} |")
    for fault, cases in result.items():
        print(f"{len(cases)} x {fault} ({cases[0]})")
    raise SystemExit(bool(result))


if __name__ == "__main__":
    main()
