"""The one error a user's mistake ends in: it says what is wrong and what to do, in one line."""

import re
from contextlib import contextmanager


class UserError(ValueError):
    """Something the caller gave cannot be used. The command prints it without a traceback and exits with 2."""

    def __init__(self, said=""):
        # a name that is repeated in it may have many lines, or thousands of letters
        line = " ".join(str(said).splitlines())
        super().__init__(re.sub(r"\S{400,}", lambda word: f"{word[0][:200]}...{word[0][-100:]}", line))


@contextmanager
def memory_told():
    """Memory that cannot be had is a line, too; also a decorator."""
    try:
        yield
    except MemoryError as error:
        raise UserError(f"there is not enough memory: {first_line(error)}") from error


def first_line(error) -> str:
    """What an error of a library says, short enough to stand in a line of ours; its kind when it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def nearest(word, known, *, count=3):
    """The entries of `known` most like `word`, for "did you mean": a ready phrase, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(str(word), [str(k) for k in known], n=count, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""
