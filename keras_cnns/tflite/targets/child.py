"""The child process of `process.Child`: `python -I child.py FOLDER`.

For each number N that it reads from its standard input it finds `N.job.json` and perhaps `N.inputs.npz` in the folder,
has the job done by the target's module (which imports numpy and its runtime, no more), leaves `N.result.json` and, of
arrays, `N.outputs.npz`, and writes one byte to its standard output. It ends when its standard input does.
"""

import json
import os
import sys
import threading
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from queue import SimpleQueue


def main(folder: Path) -> None:
    """Does the jobs in `folder`, one after the other, for as long as the parent runs."""
    numbers, answers = _connected()
    while True:
        number = numbers.get()
        _do(folder, number)
        os.write(answers, b"\n")


def _do(folder: Path, number: str) -> None:
    job = json.loads((folder / f"{number}.job.json").read_text())
    _limit_memory(job.pop("memory_bytes"))
    sys.path += [path for path in job.pop("search") if path not in sys.path]
    package = Path(job.pop("package"))
    if "keras_cnns" not in sys.modules:
        _load_package(package)
    import numpy as np

    inputs: dict = {}
    if (folder / f"{number}.inputs.npz").exists():
        with np.load(folder / f"{number}.inputs.npz") as arrays:
            inputs = {name[1:]: array for name, array in arrays.items()}
    outputs: dict = {}
    try:
        jobs = import_module(f"keras_cnns.tflite.targets.{job.pop('module')}").JOBS
        result, outputs = jobs[job["kind"]](job, inputs)
    except ImportError as error:
        result = {"missing": _line(error)}
    except Exception as error:  # every runtime has errors of its own for a file that it refuses
        result = {"error": _line(error)}
    if outputs:
        np.savez(folder / f"{number}.outputs.npz", **{f"_{name}": array for name, array in outputs.items()})
    (folder / f"{number}.result.json").write_text(json.dumps(result))


def _connected() -> tuple[SimpleQueue[str], int]:
    """The numbers of jobs as they arrive, and where to answer; this process ends when its parent is gone.

    The standard streams are replaced, because runtimes and their own children read and write them as they like.
    """
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    numbers: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        with os.fdopen(requests) as lines:
            for line in lines:
                numbers.put(line.strip())
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return numbers, answers


def _limit_memory(count: int) -> None:
    """Lets this process and its own children have so many bytes of memory each; not on Windows."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _load_package(folder: Path) -> None:
    """Loads `keras_cnns` from the folder that the parent has it from, whatever else is installed under its name."""
    spec = spec_from_file_location("keras_cnns", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None
    package = sys.modules["keras_cnns"] = module_from_spec(spec)
    spec.loader.exec_module(package)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


if __name__ == "__main__":
    main(Path(sys.argv[1]))
