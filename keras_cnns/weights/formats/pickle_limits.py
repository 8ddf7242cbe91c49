"""Limits for pickles: the sizes that one declares must fit into the file, and its values may not multiply.

Python's unpickler allocates the memory that a pickle declares: 4 GB for a text, or 16 GB for a memo with 2^31 entries,
in a file of a few bytes. And a pickle may use a value any number of times: 40 tuples, each of the one before three
times, are a key for whose hash no time is enough.
"""

import os
import pickle
import pickletools
from typing import IO, Any, cast

PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}  # opcodes with the number of a place in the memo
GETS = {"GET", "BINGET", "LONG_BINGET"}
# What has no hash and is no argument whose values are all looked at: `check_references` is for these.
CHANGEABLE = {"LIST", "DICT", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"}
CHANGEABLE |= {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"}
ANYWAY, SHARED = 10_000_000, 10  # values that may be looked at, and that many times those that are stored
LEVELS = 6  # of dicts, lists and tuples in one another that anything here looks into


def check_pickle(file: IO[bytes]) -> None:
    """Checks the pickle that begins at the file's position; leaves the position as it was.

    Raises:
      pickle.UnpicklingError: a text or a frame is longer than the file, or the memo has more entries than there are
        opcodes; tuples in one another multiply; or the file is not a pickle.
    """
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    stack = _Stack()
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
            stack.follow(opcode, argument)
            _check_multiplied(stack.looked_at, count)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # pickletools raises ValueError, and errors of decoding
        raise pickle.UnpicklingError(str(error)) from None
    file.seek(start)


def check_references(content: Any) -> None:
    """Checks that the dicts, lists and tuples in the content of a pickle do not multiply, one used by the next.

    Raises:
      pickle.UnpicklingError: looking at the upper LEVELS would take far more steps than there are values.
    """
    known: dict[tuple[int, int], int] = {}
    sizes: dict[int, int] = {}

    def steps(value: Any, levels: int) -> int:
        if not isinstance(value, dict | list | tuple):
            return 0
        key = id(value), levels
        if key not in known:
            known[key] = sizes[id(value)] = len(value)  # also for a list in itself
            if levels > 1:
                values = value.values() if isinstance(value, dict) else value
                known[key] += sum(steps(inner, levels - 1) for inner in values)
        return known[key]

    _check_multiplied(steps(content, LEVELS), sum(sizes.values()))


def _check_multiplied(looked_at: int, stored: int) -> None:
    if looked_at > ANYWAY + SHARED * stored:
        raise pickle.UnpicklingError("its values use one another so often that they cannot be read")


class _Stack:
    """What stands on the unpickler's stack: how many values are in each, those of a tuple at each place of use.

    looked_at: the sum of all that was taken off it. Objects have the size of their arguments. A mark is None.
    """

    def __init__(self) -> None:
        self.sizes: list[int | None] = []
        self.memo: dict[Any, int] = {}
        self.looked_at = 0

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Does to the sizes what the opcode does to the values."""
        before, after = opcode.stack_before, opcode.stack_after
        if opcode.name in PUTS or opcode.name == "MEMOIZE":
            self.memo[argument if opcode.name in PUTS else len(self.memo)] = self.sizes[-1] or 1
        elif opcode.name in GETS:
            self.sizes.append(self.memo.get(argument, 1))
        elif opcode.name == "DUP":
            self.sizes.append(self.sizes[-1])
        elif opcode.name == "MARK":
            self.sizes.append(None)
        else:
            size = self._taken(before)
            self.looked_at += size
            self.sizes += [1 if opcode.name in CHANGEABLE else 1 + size] * len(after)

    def _taken(self, before: list[pickletools.StackObject]) -> int:
        """The sum of the sizes of what an opcode takes from the stack."""
        count, size = len(before), 0
        if pickletools.markobject in before:
            count = before.index(pickletools.markobject)
            while (top := self.sizes.pop()) is not None:
                size += top
        for _ in range(count):
            size += self.sizes.pop() or 0
        return size


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
