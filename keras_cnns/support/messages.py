"""What is said beside the results: in the log "keras_cnns", plain lines where a command speaks."""

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


class _Lines(logging.Handler):
    """Each remark as one line, the first time it is made; warnings are marked as such."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.heard = set()

    def emit(self, record):
        self.say(record.getMessage(), "warning: " if record.levelno >= logging.WARNING else "")

    def say(self, text, mark="warning: "):
        line = mark + " ".join(str(text).split())
        if line not in self.heard:
            self.heard.add(line)
            print(line, file=sys.stderr)


@contextmanager
def in_lines():
    """What is warned of by this package, and by Python's `warnings`, is a line `warning: ...` on the standard error."""
    if any(isinstance(handler, _Lines) for handler in LOG.handlers):  # a command within a command
        yield
        return
    lines, passed_on, level = _Lines(), LOG.propagate, LOG.level
    _said.clear()
    LOG.addHandler(lines)
    LOG.propagate = False
    LOG.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where, **more: lines.say(message)
            yield
    finally:
        LOG.removeHandler(lines)
        LOG.propagate = passed_on
        LOG.setLevel(level)
