"""The errors that a caller can catch. Each message is one line: what is wrong, and what to do about it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST = 1800  # characters of a message
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class UserError(ValueError):
    """Something the caller passed in cannot be used. The command prints the message and exits with status 2.

    Every error that this package raises on purpose is a `UserError`; its subclasses say which kind it is.

    >>> import keras_cnns
    >>> try:
    ...     keras_cnns.build("resnet5O")
    ... except keras_cnns.UserError as error:
    ...     print(error)
    """

    def __init__(self, message: object = "") -> None:
        # a file name that is repeated in it may contain line breaks, or thousands of letters
        line = printable(" ".join(str(message).splitlines()))
        line = re.sub(r"\S{400,}", lambda word: f"{word[0][:200]}...{word[0][-100:]}", line)
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST - 400]} ... {line[-390:]}")


class BadArgument(UserError):
    """An argument, a flag or a field of a recipe has a value that cannot be used.

    >>> try:
    ...     keras_cnns.build("resnet50", classes=0)
    ... except keras_cnns.BadArgument as error:
    ...     print(error)
    classes is 0: it must be a whole number, at least 1.
    """


class UnreadableFile(UserError):
    """A file or folder is missing, damaged, of another kind, or cannot be read or written.

    >>> try:
    ...     keras_cnns.load_model("missing.keras")
    ... except keras_cnns.UnreadableFile as error:
    ...     print(error)
    """


class UnsupportedModel(UserError):
    """The model is valid, but this operation does not support its inputs, its layers or its outputs.

    >>> try:
    ...     keras_cnns.profile(keras.Sequential())
    ... except keras_cnns.UnsupportedModel as error:
    ...     print(error)
    """


class RejectedExport(UserError):
    """The exported file failed verification. The previous file was kept.

    >>> try:
    ...     keras_cnns.tflite.export(model, "model.tflite", scheme="int8", calibration=pictures)
    ... except keras_cnns.RejectedExport as error:
    ...     print(error)
    """


class NotInstalled(UserError):
    """An optional tool or package is missing. The message says how to install it.

    >>> try:
    ...     tuned = keras_cnns.tflite.quantization_aware(model, method="tfmot")
    ... except keras_cnns.NotInstalled as error:
    ...     print(error)
    """


def printable(text: str) -> str:
    """The text for a terminal: control characters, which could move its cursor or write its title, are escaped.

    So is what UTF-8 cannot hold. Tabs and line breaks stay.

    >>> printable("\x1b[31mred.png")
    '\\x1b[31mred.png'
    """
    text = CONTROL.sub(lambda letter: f"\\x{ord(letter[0]):02x}", text)
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns a `MemoryError` of the body into a `UserError`; also a decorator."""
    try:
        yield
    except MemoryError as error:
        raise UserError(f"there is not enough memory: {first_line(error)}") from error


def first_line(error: BaseException | str) -> str:
    """The first line of another library's error message, at most 300 characters; its class name if it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def nearest(word: object, known: Iterable[object], *, count: int = 3) -> str:
    """The phrase "Did you mean ...?" with the entries of `known` closest to `word`; empty if none is close."""
    from difflib import get_close_matches

    close = get_close_matches(str(word), [str(k) for k in known], n=count, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""
