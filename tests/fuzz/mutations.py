"""Damaged copies of sound files: bytes changed anywhere, and values of JSON replaced by odd ones."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1)
ODD_VALUES = (
    *(None, True, False, 0, -1, 1e308, -1e308, float("nan"), float("inf"), 2**70, "", "x", "../x.png", "/etc/hostname"),
    *("a\nb", "\x00", "💥" * 50, [], {}, [[]], [None], {"": None}, [1, 2, 3, 4, 5], "1", 1.5, [[[[[[]]]]]]),
)


@st.composite
def damaged_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """`sound` with one to four changes: bytes set, numbers written, parts removed, doubled or moved, the end cut."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from((1, 2, 4, 8, 16, 64)))
        kind = draw(st.sampled_from(("set", "number", "remove", "double", "cut", "swap")))
        if kind == "set":
            data[start : start + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == "number":
            width = draw(st.sampled_from((1, 2, 4, 8)))
            number = draw(st.sampled_from(NUMBERS)) % 256**width
            data[start : start + width] = number.to_bytes(width, draw(st.sampled_from(("little", "big"))))
        elif kind == "remove":
            del data[start : start + length]
        elif kind == "double":
            data[start:start] = data[start : start + length]
        elif kind == "cut":
            del data[start:]
        else:
            other = draw(st.integers(0, max(len(data) - 1, 0)))
            data[start : start + length], data[other : other + length] = (
                data[other : other + length],
                data[start : start + length],
            )
    return bytes(data)


@st.composite
def damaged_json(draw: st.DrawFn, sound: Any) -> str:
    """`sound` as JSON with one to three values replaced, left out or doubled."""
    value = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("replace", "replace", "remove", "double")))
        if kind == "replace":
            holder[key] = deepcopy(draw(st.sampled_from(ODD_VALUES)))
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[f"{key} "] = holder[key]
    return json.dumps(value)


def _places(value: Any):
    """(list or dict, index or key) of every value in `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
