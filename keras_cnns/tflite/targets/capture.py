"""What native code prints, as text: runtimes say why they refuse a file on streams that Python does not see."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


class Printed:
    """text: what was printed, once the `with` block has ended."""

    text = ""


@contextmanager
def captured(*descriptors: int) -> Iterator[Printed]:
    """Captures file descriptors (1: output, 2: errors) while its body runs."""
    printed = Printed()
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = {number: os.dup(number) for number in descriptors}
        for number in descriptors:
            os.dup2(file.fileno(), number)
        try:
            yield printed
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            file.seek(0)
            printed.text = file.read().decode("utf-8", "replace")
