"""The child process of `process.run_child`: `python -I child.py FOLDER`.

It finds `job.json` and `inputs.npz` in the folder, has the job done by the target's module (which imports numpy and its
runtime, no more), and leaves `result.json` and `outputs.npz`.
"""

import json
import os
import sys
import threading
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def main(folder: Path) -> None:
    """Does the job in `folder`."""
    _end_with_parent()
    job = json.loads((folder / "job.json").read_text())
    _limit_memory(job.pop("memory_bytes"))
    sys.path += [path for path in job.pop("search") if path not in sys.path]
    _load_package(Path(job.pop("package")))
    import numpy as np

    with np.load(folder / "inputs.npz") as arrays:
        inputs = {name[1:]: array for name, array in arrays.items()}
    outputs: dict = {}
    try:
        jobs = import_module(f"keras_cnns.tflite.targets.{job.pop('module')}").JOBS
        result, outputs = jobs[job["kind"]](job, inputs)
    except ImportError as error:
        result = {"missing": _line(error)}
    except Exception as error:  # every runtime has errors of its own for a file that it refuses
        result = {"error": _line(error)}
    np.savez(folder / "outputs.npz", **{f"_{name}": array for name, array in outputs.items()})
    (folder / "partial.json").write_text(json.dumps(result))
    (folder / "partial.json").rename(folder / "result.json")


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, however that ended: the parent holds the other end of our input."""
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        os.read(parent, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


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
