"""The one error a user's mistake ends in: it says what is wrong and what to do, in one line."""


class UserError(ValueError):
    """Something the caller gave cannot be used. The command prints it without a traceback and exits with 2."""


def nearest(word, known, *, count=3):
    """The entries of `known` most like `word`, for "did you mean": a ready phrase, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(str(word), [str(k) for k in known], n=count, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""
