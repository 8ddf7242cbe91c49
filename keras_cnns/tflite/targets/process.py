"""A runtime in a process of its own: what breaks there breaks nothing here, and nothing beside a file is imported.

The child is `python -I child.py FOLDER`: the current folder, the folder of the file and PYTHON* variables have no part
in what it imports.
"""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_cnns.support.errors import BadArgument, NotInstalled, UserError, first_line
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.support.validation import short

if TYPE_CHECKING:
    import numpy as np

CHILD = Path(__file__).with_name("child.py")
PACKAGE = Path(__file__).resolve().parents[2]  # keras_cnns
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "NODE_PATH")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # of NumPy's matrix products, whose threads take longer to start than to use
PATIENCE = 5.0  # seconds for a child to end
SECONDS = 1800.0  # for one job; the slowest here, a compiler on a large network, needs a tenth

# Environment variables with which a user changes the limits of a child process.
SECONDS_VARIABLE = "KERAS_CNNS_RUNTIME_SECONDS"
MEMORY_VARIABLE = "KERAS_CNNS_RUNTIME_GIB"  # by default, the memory of the machine


@dataclass(frozen=True)
class Runtime:
    """A runtime that child processes run.

    Args:
      name: in messages.
      module: of `keras_cnns.tflite.targets`, with the functions that a child process runs in its `JOBS`.
      install: the command that installs it.

    >>> RUNTIME = Runtime("OpenVINO", "openvino", 'pip install "keras_cnns[openvino]"')
    """

    name: str
    module: str
    install: str


def run_child(
    runtime: Runtime,
    kind: str,
    job: Mapping[str, Any],
    inputs: Mapping[str, "np.ndarray"] | None = None,
    *,
    seconds: float | None = None,
) -> tuple[dict[str, Any], dict[str, "np.ndarray"]]:
    """Has one job done by a child process (`Child`); returns its result and its arrays.

    kind, job, inputs, seconds: see `Child.ask`.

    Raises:
      NotInstalled: the runtime cannot be imported.
      UserError: it refused the file, died or took longer than `seconds`, or there is no room for its files.
    """
    seconds = seconds or _limit(SECONDS_VARIABLE, SECONDS)
    with Child(runtime) as child:
        return child.ask(kind, job, inputs, seconds=seconds)


_STARTED: dict[str, "_Process"] = {}


def start_early(module: str) -> None:
    """Starts the process of the next `Child` of this module now, so that it imports its runtime meanwhile.

    Call it inside `no_child_left`. The module needs a job "start", which imports the runtime. Nothing happens if there
    is no room for its files.
    """
    with suppress(OSError, UserError):
        process = _STARTED[module] = _Process()
        process.send({**_settings(module), "kind": "start"}, {})


@contextmanager
def no_child_left() -> Iterator[None]:
    """Ends at its end the processes that were started early and that no `Child` has taken."""
    try:
        yield
    finally:
        while _STARTED:
            _STARTED.popitem()[1].close()


class Child:
    """Has a runtime do one job after the other, in one process.

    >>> with Child(LITERT) as child:
    ...     result, _ = child.ask("describe", {"file": "/folder/net.tflite"})
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._process: _Process | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def ask(
        self,
        kind: str,
        job: Mapping[str, Any],
        inputs: Mapping[str, "np.ndarray"] | None = None,
        *,
        seconds: float | None = None,
    ) -> tuple[dict[str, Any], dict[str, "np.ndarray"]]:
        """The result and the arrays of one job.

        Args:
          kind: a key of `JOBS` in the runtime's module.
          job: what it needs to know, values that JSON holds; the path of its "file" or "files" is named in messages.
          inputs: arrays by name.
          seconds: the most it may take.

        Raises:
          NotInstalled, UserError: as in `run_child`.
        """
        seconds = seconds or _limit(SECONDS_VARIABLE, SECONDS)
        runtime, files = self.runtime, job.get("files", [job["file"]] if "file" in job else [])
        names = ", ".join(Path(file).name for file in files)
        try:
            request = {**job, **_settings(runtime.module), "kind": kind}
            if self._process is None:
                self._process = _STARTED.pop(runtime.module, None) or _Process()
            self._process.send(request, inputs or {})
            answer = self._process.receive(seconds)
        except subprocess.TimeoutExpired:
            self.__exit__()
            raise UserError(
                f"{runtime.name} was stopped on {names}: it took longer than {seconds:g} seconds ({SECONDS_VARIABLE})."
            ) from None
        except (OSError, MemoryError) as error:  # no room for temporary files, or no process to be had
            raise UserError(f"{runtime.name} cannot be run on {names}: {first_line(error)}") from error
        if answer is None:
            words = self._process.last_words()
            self.__exit__()  # the next job gets a new process
            raise UserError(f"{runtime.name} crashed on {names} {words}")
        result, arrays = answer
        if "missing" in result:
            raise NotInstalled(f"{runtime.name} was not run: {runtime.install} ({result['missing']})")
        if "error" in result:
            raise UserError(f"{runtime.name} cannot run {names}: {result['error']}")
        return result, arrays


class _Process:
    """`child.py` in a folder of its own. A job is three files in the folder, and its number on the child's input.

    The child answers a line for each job it has done. It ends when its input is closed, however this process ended.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self.folder = self._open.enter_context(temporary_folder())
        self.sent = self.received = 0
        (self.folder / "tmp").mkdir()
        with open(self.folder / "stderr", "wb") as errors:
            self.child = subprocess.Popen(
                [sys.executable, "-I", str(CHILD), str(self.folder)],
                env=_environment(self.folder),
                cwd=self.folder / "tmp",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )

    def send(self, job: Mapping[str, Any], inputs: Mapping[str, "np.ndarray"]) -> None:
        self.sent += 1
        if inputs:
            import numpy as np  # not needed to start a child

            renamed: dict[str, Any] = {f"_{name}": array for name, array in inputs.items()}  # `file` is savez's own
            np.savez(self.folder / f"{self.sent}.inputs.npz", **renamed)
        (self.folder / f"{self.sent}.job.json").write_text(json.dumps(job))
        assert self.child.stdin is not None
        with suppress(BrokenPipeError):  # it has died: `receive` says so
            self.child.stdin.write(b"%d\n" % self.sent)

    def receive(self, seconds: float) -> tuple[dict[str, Any], dict[str, "np.ndarray"]] | None:
        """The answer to the last job sent; None if the child died.

        Raises:
          TimeoutExpired: it took longer than `seconds`; it was killed.
        """
        assert self.child.stdout is not None
        timer = threading.Timer(seconds, self.child.kill)
        timer.daemon = True
        timer.start()
        while self.received < self.sent and self.child.stdout.read(1):
            self.received += 1
        in_time = timer.is_alive()
        timer.cancel()
        if self.received < self.sent:
            if not in_time:
                raise subprocess.TimeoutExpired("child.py", seconds)
            return None
        result = json.loads((self.folder / f"{self.sent}.result.json").read_text())
        answers: dict[str, Any] = {}
        if (outputs := self.folder / f"{self.sent}.outputs.npz").exists():
            import numpy as np

            with np.load(outputs) as arrays:
                answers = {name[1:]: array for name, array in arrays.items()}
        for file in self.folder.glob(f"{self.sent}.*"):
            file.unlink()
        return result, answers

    def last_words(self) -> str:
        """How the child ended and the last line it printed, as the end of a sentence."""
        status = self.child.wait()
        text = (self.folder / "stderr").read_text(errors="replace")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("INFO")]
        return f"(exit {status}): {lines[-1][:200] if lines else 'it printed nothing'}"

    def close(self) -> None:
        """Ends the child and deletes its folder."""
        try:
            with self.child:
                assert self.child.stdin is not None
                self.child.stdin.close()
                try:
                    self.child.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    self.child.kill()
        finally:
            self._open.close()


def _settings(module: str) -> dict[str, Any]:
    """What every job says about the child itself."""
    memory = int(_limit(MEMORY_VARIABLE, _memory() / 2**30) * 2**30)
    return {"module": module, "package": str(PACKAGE), "search": _search_path(), "memory_bytes": memory}


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
    folders = {"TMPDIR": scratch, "TMP": scratch, "TEMP": scratch, "HOME": scratch}
    return {**kept, **folders, **ONE_THREAD}
