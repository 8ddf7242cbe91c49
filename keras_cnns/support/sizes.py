"""Numbers of bytes, as people write them and as tables show them."""

import re

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import short, whole

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def bytes_of(size: int | str | None, name: str = "the size") -> int | None:
    """The number of bytes in a size such as "256k", "1M", "1.5 MiB" or 262144; None for None.

    k and M are 1024 and 1024 * 1024 bytes, as in the data sheets of microcontrollers. name: for the error message.

    Raises:
      BadArgument: it is not a size above zero.

    >>> bytes_of("256k")
    262144
    """
    if size is None or (whole(size, 1) and isinstance(size, int)):
        return size
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", size.lower()) if isinstance(size, str) else None
    count = round(float(match[1]) * UNITS[match[2]]) if match and len(match[1]) < 20 else 0
    if count < 1:
        raise BadArgument(f"{name} is {short(size)}: give a number of bytes, such as 256k or 1M.")
    return count


def size_words(count: int) -> str:
    """A number of bytes for a table or a message: "55 KiB", "1.2 MiB".

    >>> size_words(56240)
    '54.9 KiB'
    """
    if count < 1 << 10:
        return f"{count} bytes"
    unit, name = (1 << 20, "MiB") if count >= 1 << 20 else (1 << 10, "KiB")
    return f"{count / unit:.1f} {name}" if count < 100 * unit else f"{count / unit:,.0f} {name}"
