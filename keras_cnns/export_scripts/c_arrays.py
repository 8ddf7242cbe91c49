"""Arrays as C source code: the bytes of a file, numbers, and texts."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from keras_cnns.support.escaping import c_string

C_TYPES = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t"}
ON_A_LINE = 20


def number_array(name: str, size: str, values: np.ndarray) -> str:
    """`const int8_t name[size] = {...};` for numbers of a type in `C_TYPES`; a matrix becomes an array of arrays."""
    words = [_numbers(row) for row in values] if values.ndim == 2 else [_numbers(values)]
    body = "".join(f"    {{\n{part}    }},\n" for part in words) if values.ndim == 2 else words[0]
    return f"const {C_TYPES[values.dtype.name]} {name}{size} = {{\n{body}}};\n"


def byte_array(name: str, size: str, data: bytes, alignment: int) -> str:
    """`_Alignas(16) const unsigned char name[size] = {...};`"""
    return f"_Alignas({alignment}) const unsigned char {name}{size} = {{\n{_lines(f'{byte},' for byte in data)}}};\n"


def text_array(name: str, size: str, texts: Sequence[str]) -> str:
    """`const char* const name[size] = {...};`, in UTF-8."""
    body = "".join(f"    {c_string(text)},\n" for text in texts)
    return f"const char* const {name}{size} = {{\n{body}}};\n"


def _numbers(values: np.ndarray) -> str:
    if values.dtype == np.float32:
        return _lines(f"{float(value)!r}f," for value in values.ravel())
    return _lines(f"{int(value)}," for value in values.ravel())


def _lines(words: Iterable[str]) -> str:
    iterator: Iterator[str] = iter(words)
    lines = []
    while row := list(islice(iterator, ON_A_LINE)):
        lines.append(f"    {''.join(row)}\n")
    return "".join(lines)
