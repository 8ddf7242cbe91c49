"""Networks of a thousand layers: Keras walks its graphs recursively, with several calls for every layer in a row."""

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from keras_cnns.support.errors import UserError

T = TypeVar("T")

DEPTH = 60_000  # nested Python calls; a network of a thousand layers takes about 10,000
STACK = 2**30  # bytes of address space for them; only what is used takes memory


def with_headroom(call: Callable[[], T], *, share: tuple[threading.local, ...] = ()) -> T:
    """`call()`; if Python's recursion limit is too low for it, once more in a thread with a large stack.

    The limit is raised to `DEPTH` while the thread runs, and then is what it was before.

    share: thread-local objects whose attributes the thread sees, such as Keras's settings.

    Raises:
      UserError: it takes more than `DEPTH` nested calls, or there is no memory for such a stack.
    """
    try:
        return call()
    except RecursionError:
        pass
    attributes = [(local, dict(vars(local))) for local in share]
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        for local, values in attributes:
            vars(local).update(values)
        try:
            results.append(call())
        except BaseException as error:  # it belongs to the thread that waits
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size()
    try:
        threading.stack_size(STACK)
        thread = threading.Thread(target=run, name="keras_cnns-deep")
        sys.setrecursionlimit(max(limit, DEPTH))
        thread.start()
        threading.stack_size(size)
        thread.join()
    except (RuntimeError, ValueError) as error:  # no thread with such a stack
        raise UserError(f"there is no memory for the stack of {STACK >> 20} MiB that this network needs.") from error
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors and isinstance(errors[0], RecursionError):
        raise UserError(f"it nests more than {DEPTH:,} calls deep: no network needs so many.") from None
    if errors:
        raise errors[0]
    return results[0]
