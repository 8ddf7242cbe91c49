"""LiteRT in a process of its own (`litert_child.py`): a broken file may abort the interpreter there, and only there."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError
from keras_cnns.support.validation import path_of, short, whole
from keras_cnns.tflite.targets.process import Child, Runtime, run_child

if TYPE_CHECKING:
    import numpy as np  # only here: a description needs no arrays, and starts faster without them

LITERT = Runtime("LiteRT", "litert_child", "pip install ai-edge-litert")

_shared: ContextVar[Child | None] = ContextVar("shared", default=None)


@contextmanager
def one_process() -> Iterator[None]:
    """Lets all calls of `ask` inside share one child process; all of them must be about one file."""
    with Child(LITERT) as child:
        token = _shared.set(child)
        try:
            yield
        finally:
            _shared.reset(token)


def ask(kind: str, inputs: dict | None = None, **job: Any) -> tuple[dict[str, Any], "dict[str, np.ndarray]"]:
    """Runs one job of `litert_child.JOBS` in a child process; returns its result and its arrays.

    Raises:
      UserError: the file cannot be read or run, the interpreter aborted, or there is no memory or disk space left.
    """
    if (shared := _shared.get()) is not None:
        return shared.ask(kind, job, inputs)
    return run_child(LITERT, kind, job, inputs)


def _numbers(array: Any) -> "np.ndarray":
    """An array of numbers, none of them missing."""
    import numpy as np

    try:
        array = np.asarray(array)
    except Exception:  # containers of other libraries raise whatever they like
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise BadArgument("the images must be an array (N, ...) of numbers, or a dict of such arrays by input name.")
    return array


class Session:
    """A `.tflite` file that stays open in one child process, for pictures after pictures.

    >>> with Session("net.tflite") as session:
    ...     for batch in batches:
    ...         print(session.run(batch).argmax(-1))
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        """path, threads, errors: see `predict`."""
        path = path_of(path)
        if not path.is_file():
            raise UnreadableFile(f"there is no file {path}.")
        if not whole(threads, 1):
            raise BadArgument(f"threads is {short(threads)}: give a whole number from 1.")
        self._child = Child(LITERT)
        self._job = {"file": str(path.resolve()), "threads": threads, "keep": True}

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def signature(self) -> dict[str, Any]:
        """Names, shapes and types of the inputs and outputs (`litert_child`, job "signature")."""
        return self._child.ask("signature", self._job)[0]

    def run(self, images: "np.ndarray | dict[str, np.ndarray]") -> "np.ndarray | dict[str, np.ndarray]":
        """The answers to `images`; arguments, result and errors are those of `predict`."""
        arrays = images if isinstance(images, dict) else {"*": images}
        _, outputs = self._child.ask("predict", self._job, {name: _numbers(array) for name, array in arrays.items()})
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def predict(
    path: str | Path, images: "np.ndarray | dict[str, np.ndarray]", *, threads: int = 1
) -> "np.ndarray | dict[str, np.ndarray]":
    """Runs the file at `path` on `images`; float answers whatever the file's own input and output types are.

    Args:
      images: (N, H, W, C) floats on the scale of the float32 model's inputs; for several inputs a dict by name.
      threads: of LiteRT.

    Returns: (N, ...) floats, or a dict by output name if there are several.

    Raises:
      UserError: there is no such file, it is not a .tflite file, or the images do not fit it.

    >>> keras_cnns.tflite.predict("net.tflite", pictures).argmax(-1)
    """
    with Session(path, threads=threads) as session:
        return session.run(images)


def scores(path: str | Path, images: "np.ndarray", *, threads: int = 1) -> "np.ndarray":
    """`predict` of a file with one output besides the class map; for an array of pictures.

    Raises:
      UserError: as in `predict`, or the file has several outputs.
    """
    from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

    outputs = predict(path, images, threads=threads)
    if isinstance(outputs, dict):
        outputs = {name: array for name, array in outputs.items() if name != CLASS_MAP}
        if len(outputs) != 1:
            raise UserError(f"{path} has {len(outputs)} outputs ({', '.join(outputs)}): a classifier has one.")
        (outputs,) = outputs.values()
    return outputs
