"""Checks the opcodes of a pickle before it is loaded: the sizes that it declares must fit into the file.

Python's unpickler allocates the memory that a pickle declares: 4 GB for a text, or 16 GB for a memo with 2^31 entries,
in a file of a few bytes.
"""

import os
import pickle
import pickletools
from typing import IO, cast

PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}  # opcodes with the number of a place in the memo


def check_pickle(file: IO[bytes]) -> None:
    """Checks the pickle that begins at the file's position; leaves the position as it was.

    Raises:
      pickle.UnpicklingError: a text or a frame is longer than the file, or the memo has more entries than there are
        opcodes; or the file is not a pickle.
    """
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    try:
        for count, (opcode, argument, _) in enumerate(
            pickletools.genops(cast(IO[bytes], _Bounded(file, size))), start=1
        ):
            number = argument if isinstance(argument, int) else 0
            if opcode.name in PUTS and number > count:
                raise pickle.UnpicklingError(
                    f"its memo has entry {number} after {count} instructions, so it is damaged or not written by pickle"
                )
            if opcode.name == "FRAME" and number > size:
                raise pickle.UnpicklingError(f"it declares a frame of {number} bytes and has {size}, so it is damaged")
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # pickletools raises ValueError, and errors of decoding
        raise pickle.UnpicklingError(str(error)) from None
    file.seek(start)


class _Bounded:
    """The file, without reading more bytes at once than there are."""

    def __init__(self, file: IO[bytes], size: int):
        self.file, self.size = file, size

    def read(self, count: int) -> bytes:
        if count > self.size:
            raise pickle.UnpicklingError(f"a text of {count} bytes")
        return self.file.read(count)

    def readline(self) -> bytes:
        return self.file.readline()

    def tell(self) -> int:
        return self.file.tell()
