"""LiteRT in a process of its own (`child.py`): a broken file may abort the interpreter there and harm nobody here."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_cnns.support.errors import UserError, first_line
from keras_cnns.support.validation import path_of, short, whole
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP


def ask(kind, inputs=None, **job):
    """Runs one job in a child; returns its result (a dict) and its arrays (a dict).

    Raises:
      UserError: the file cannot be read or run, the interpreter aborted, or there is no room for what it is given.
    """
    try:
        return _asked(kind, inputs or {}, job)
    except (OSError, MemoryError) as error:  # no room in the folder for temporary files, no process to be had
        raise UserError(f"LiteRT cannot be run on {_files(job)}: {first_line(error)}") from error


def _asked(kind, inputs, job):
    with tempfile.TemporaryDirectory(prefix="keras_cnns-") as folder:
        folder = Path(folder)
        (folder / "job.json").write_text(json.dumps({"kind": kind, **job}))
        np.savez(folder / "inputs.npz", **inputs)
        package = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        child = subprocess.run(
            [sys.executable, "-m", "keras_cnns.tflite.targets.litert_child", str(folder)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            errors="replace",
        )
        if not (folder / "result.json").exists():
            said = [line for line in child.stderr.splitlines() if line.strip() and not line.startswith("INFO")]
            raise UserError(
                f"LiteRT broke down on {_files(job)} (exit {child.returncode}): "
                f"{said[-1][:200] if said else 'it said nothing'}"
            )
        result = json.loads((folder / "result.json").read_text())
        if "error" in result:
            raise UserError(f"LiteRT cannot run {_files(job)}: {result['error']}")
        with np.load(folder / "outputs.npz") as arrays:
            return result, dict(arrays)


def _numbers(array):
    """An array of numbers, none of them missing."""
    try:
        array = np.asarray(array)
    except Exception:  # whatever a library's container says
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise UserError("the images must be an array (N, ...) of numbers, or a dict of such arrays by input name.")
    return array


def _files(job):
    return ", ".join(Path(path).name for path in job.get("files", [job.get("file", "")]))


def predict(path, images, *, threads=1):
    """Runs the file at `path` on `images`; float answers whatever the file's own input and output types are.

    images: (N, H, W, C) floats on the scale the float32 model takes (for several inputs a dict by name).
    Returns: (N, ...) floats, or a dict by output name where there are several.

    Raises:
      UserError: there is no such file, it is not a .tflite file, or the images do not fit it.
    """
    path = path_of(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    if not whole(threads, 1):
        raise UserError(f"threads is {short(threads)}: give a whole number from 1.")
    inputs = {name: _numbers(array) for name, array in (images if isinstance(images, dict) else {"*": images}).items()}
    _, outputs = ask("predict", inputs, file=str(path.resolve()), threads=threads)
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def scores(path, images, *, threads=1):
    """`predict` of a file with one output, the class map left aside; for an array of pictures.

    Raises:
      UserError: as in `predict`, or the file has several outputs.
    """
    found = predict(path, images, threads=threads)
    if isinstance(found, dict):
        found = {name: array for name, array in found.items() if name != CLASS_MAP}
        if len(found) != 1:
            raise UserError(f"{path} has {len(found)} outputs ({', '.join(found)}): a classifier has one.")
        (found,) = found.values()
    return found
