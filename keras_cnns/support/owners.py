"""Names of temporary files that tell machine and process, so that the files of a killed process can be recognized."""

import os
import re
import time
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

DAY = 24 * 60 * 60  # seconds
_MARK = re.compile(r"([0-9a-f]{8})-(\d+)-\w+")  # the machine, the process, and what `tempfile` adds


def mark() -> str:
    """What stands in the names of this process's temporary files, before the letters that `tempfile` adds."""
    return f"{_machine()}-{os.getpid()}-"


def is_abandoned(path: Path, prefix: str, suffix: str = "") -> bool:
    """Whether `path` is the temporary file or folder of a process that is gone.

    Its name must be `prefix`, a `mark()`, the letters that `tempfile` adds, and `suffix`. Of this machine since it
    started, it is abandoned if no process has the number in its name; of another machine, as on a shared disk, if it
    was not written to for a day. Files of other users are never abandoned.

    Raises:
      OSError: there is no such file any more.
    """
    name = path.name
    if not (name.startswith(prefix) and name.endswith(suffix)):
        return False
    match = _MARK.fullmatch(name[len(prefix) : len(name) - len(suffix)])
    if not match:
        return False
    status = path.lstat()
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return False
    if match[1] == _machine():
        return not _runs(match[2])
    return time.time() - status.st_mtime > DAY


@cache
def _machine() -> str:
    """A word for this machine since it started, and for the container: where process numbers mean the same."""
    words = [os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")]
    for read in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text(), lambda: os.readlink("/proc/self/ns/pid")):
        with suppress(OSError):
            words.append(read())
    return f"{zlib.crc32(' '.join(words).encode()):08x}"


def _runs(number: str) -> bool:
    """Whether there is a process of this number; also if that cannot be known."""
    if not number.isascii() or os.name == "nt":
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it runs for another user; no process has such a number
        return True
    return True
