"""What is said beside the results: warnings in the log "keras_cnns", which are plain lines where a command speaks."""

import logging
import sys
import warnings
from contextlib import contextmanager

LOG = logging.getLogger("keras_cnns")
_said: set[str] = set()


def once(line):
    """Warns of something that is met again and again, the first time in a process."""
    if line not in _said:
        _said.add(line)
        LOG.warning("%s", line)


@contextmanager
def in_lines():
    """What is warned of by this package, and by Python's `warnings`, is a line `warning: ...` on the standard error."""

    def show(message, category, filename, lineno, file=None, line=None):
        said = " ".join(str(message).split())
        if said not in heard:
            heard.add(said)
            print(f"warning: {said}", file=sys.stderr)

    class Lines(logging.Handler):
        def emit(self, record):
            print(f"warning: {record.getMessage()}", file=sys.stderr)

    heard, lines, passes_on = set(), Lines(logging.WARNING), LOG.propagate
    _said.clear()
    LOG.addHandler(lines)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        LOG.removeHandler(lines)
        LOG.propagate = passes_on
