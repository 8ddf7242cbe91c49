"""A runtime in a process of its own: what breaks there breaks nothing here, and nothing beside a file is imported.

The child is `python -I child.py FOLDER`: the current folder, the folder of the file and PYTHON* variables have no part
in what it imports.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument, NotInstalled, UserError, first_line
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.support.validation import short

CHILD = Path(__file__).with_name("child.py")
PACKAGE = Path(__file__).resolve().parents[2]  # keras_cnns
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "NODE_PATH")
SECONDS = 1800.0  # for one job; the slowest here, a compiler on a large network, needs a tenth

# Environment variables with which a user changes the limits of a child process.
SECONDS_VARIABLE = "KERAS_CNNS_RUNTIME_SECONDS"
MEMORY_VARIABLE = "KERAS_CNNS_RUNTIME_GIB"  # by default, the memory of the machine


def run_child(
    module: str,
    kind: str,
    job: Mapping[str, Any],
    inputs: Mapping[str, np.ndarray] | None = None,
    *,
    runtime: str,
    install: str = "",
    names: Sequence[str] = (),
    seconds: float | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Runs job `kind` of the module `keras_cnns.tflite.targets.MODULE`; returns its result and its arrays.

    job: what the job needs to know, values that JSON holds. inputs: arrays by name.
    runtime: its name in messages. install: the command that installs it. names: the files it works on, for messages.

    Raises:
      NotInstalled: the runtime cannot be imported.
      UserError: it refused the file, died or took longer than `seconds`, or there is no room for its files.
    """
    seconds = seconds or _limit(SECONDS_VARIABLE, SECONDS)
    listed = ", ".join(Path(name).name for name in names)
    try:
        with temporary_folder() as folder:
            request = {**job, "module": module, "kind": kind, "package": str(PACKAGE), "search": _search_path()}
            request["memory_bytes"] = int(_limit(MEMORY_VARIABLE, _memory() / 2**30) * 2**30)
            return _answer(folder, request, inputs or {}, runtime, install, listed, seconds)
    except (OSError, MemoryError) as error:  # no room for temporary files, or no process to be had
        raise UserError(f"{runtime} cannot be run on {listed}: {first_line(error)}") from error


def _answer(
    folder: Path,
    request: Mapping[str, Any],
    inputs: Mapping[str, np.ndarray],
    runtime: str,
    install: str,
    names: str,
    seconds: float,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    (folder / "job.json").write_text(json.dumps(request))
    renamed: dict[str, Any] = {f"_{name}": array for name, array in inputs.items()}  # `file` is savez's own
    np.savez(folder / "inputs.npz", **renamed)
    (folder / "tmp").mkdir()
    read_end, write_end = os.pipe()  # the child ends when nobody holds the write end any more
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(CHILD), str(folder)],
            env=_environment(folder),
            cwd=folder / "tmp",
            stdin=read_end,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{runtime} was stopped on {names}: it took longer than {seconds:g} seconds ({SECONDS_VARIABLE})."
        ) from None
    finally:
        os.close(read_end)
        os.close(write_end)
    if not (folder / "result.json").exists():
        lines = [line for line in child.stderr.splitlines() if line.strip() and not line.startswith("INFO")]
        last = lines[-1][:200] if lines else "it printed nothing"
        raise UserError(f"{runtime} broke down on {names} (exit {child.returncode}): {last}")
    result = json.loads((folder / "result.json").read_text())
    if "missing" in result:
        raise NotInstalled(f"{runtime} was not run: {install} ({result['missing']})")
    if "error" in result:
        raise UserError(f"{runtime} cannot run {names}: {result['error']}")
    with np.load(folder / "outputs.npz") as arrays:
        return result, {name[1:]: array for name, array in arrays.items()}


def _limit(variable: str, default: float) -> float:
    """The limit that a variable of the environment sets.

    Raises:
      BadArgument: its value is not a number above 0.
    """
    text = os.environ.get(variable) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise BadArgument(f"{variable} is {short(text)}: give a number above 0.")
    return value


def _memory() -> int:
    """Bytes of memory that the machine has; where that is not known, more than any has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**50


def _search_path() -> list[str]:
    """Where packages are looked for after the standard library and the environment's own packages.

    Without the current folder, which is whatever folder a user works in.
    """
    here = Path.cwd()
    return [path for path in sys.path if path and Path(path).is_absolute() and Path(path) != here]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    scratch = str(folder / "tmp")
    return {**kept, "TMPDIR": scratch, "TMP": scratch, "TEMP": scratch, "HOME": scratch}
