"""Damaged copies of sound data, drawn from a seeded generator."""

import json
from copy import deepcopy
from random import Random
from typing import Any

from tests.fuzz.mutations import NUMBERS, ODD_VALUES, _places

LENGTHS = (1, 2, 4, 8, 16, 64)


def damaged_bytes(random: Random, sound: bytes, most: int = 4) -> bytes:
    """`sound` with one to `most` changes; a third of them near the ends, where files say what they are."""
    data = bytearray(sound)
    for _ in range(random.randint(1, most)):
        last = max(len(data) - 1, 0)
        start = random.choice((random.randint(0, last), random.randint(0, min(200, last)), max(0, last - 200)))
        length, kind = random.choice(LENGTHS), random.choice(("set", "number", "remove", "double", "cut", "swap"))
        if kind == "set":
            data[start : start + length] = random.randbytes(length)
        elif kind == "number":
            width = random.choice((1, 2, 4, 8))
            value = random.choice(NUMBERS) % 256**width
            data[start : start + width] = value.to_bytes(width, random.choice(("little", "big")))
        elif kind == "remove":
            del data[start : start + length]
        elif kind == "double":
            data[start:start] = data[start : start + length]
        elif kind == "cut":
            if random.random() < 0.3:
                del data[start:]
        else:
            other = random.randint(0, last)
            part = data[start : start + length]
            data[start : start + length] = data[other : other + length]
            data[other : other + length] = part
    return bytes(data)


def damaged_value(random: Random, sound: Any, odd: tuple = ODD_VALUES) -> Any:
    """`sound`, a value of JSON, with one to three values replaced, left out or doubled."""
    value = json.loads(json.dumps(sound))
    for _ in range(random.randint(1, 3)):
        places = list(_places(value))
        if not places:
            break
        holder, key = random.choice(places)
        kind = random.choice(("replace", "replace", "remove", "double"))
        if kind == "replace":
            holder[key] = deepcopy(random.choice(odd))
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[f"{key} "] = holder[key]
    return value
