"""How much memory is free for this process: on the machine, and within the limit of its container."""

import math
import os
from contextlib import suppress
from pathlib import Path

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import short

VARIABLE = "KERAS_CNNS_FREE_GIB"  # what a user says is free, instead of what is found here
FIRST_VERSION = ("memory.limit_in_bytes", "memory.usage_in_bytes")
SECOND_VERSION = ("memory.max", "memory.current")
MEMINFO, CGROUPS, OWN = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def free() -> int | None:
    """Bytes of memory that are free, with swap space; None if that is not known.

    Raises:
      BadArgument: the environment variable KERAS_CNNS_FREE_GIB is not a number above 0.
    """
    if text := os.environ.get(VARIABLE):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise BadArgument(f"{VARIABLE} is {short(text)}: give a number above 0.")
        return int(value * 2**30)
    known = [count for count in (_of_machine(), *_of_containers()) if count is not None]
    return min(known, default=None)


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError, KeyError):
        rows = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        return 1024 * (int(rows["MemAvailable"].split()[0]) + int(rows["SwapFree"].split()[0]))
    with suppress(AttributeError, ValueError, OSError):  # no Linux
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_containers() -> list[int]:
    """What the limits of the process's control group and of those around it leave, in both versions of Linux's."""
    left: list[int] = []
    with suppress(OSError):
        for line in OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            names = FIRST_VERSION if controllers else SECOND_VERSION
            group = (CGROUPS / "memory" if controllers else CGROUPS) / path.lstrip("/")
            for folder in (group, *group.parents):
                if folder == CGROUPS.parent:
                    break
                left += _of_group(folder, *names)
    return left


def _of_group(folder: Path, limit: str, usage: str) -> list[int]:
    """[limit - usage] of a group, without the file contents that it only caches; [] if it has no limit."""
    with suppress(OSError, ValueError):  # "max" is no number
        most, used = (int((folder / name).read_text()) for name in (limit, usage))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
        return [max(0, most - used + cached)]
    return []
