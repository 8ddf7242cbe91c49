"""Every kind of picture times every way into the package, and what each makes of it.

`python -m tests.data.pictures_table` tries them all and prints two tables.
"""

import tempfile
from pathlib import Path

import numpy as np

from tests.data import kinds
from tests.data.test_every_kind import answers, in_folder

WAYS = {
    "predict": "`predict`",
    "train": "training",
    "evaluate": "evaluation",
    "export": "`export --dataset`",
    "any_model": "`export/any_model.py`",
}


def row(kind, data):
    """One line: what every way says of a picture."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        result = answers(folder, in_folder(folder, data, kind))
        first = result["predict"]
        cells = []
        for way in WAYS:
            answer = result[way]
            if isinstance(answer, str):
                place = next((str(f) for f in folder.rglob("*.*") if str(f) in answer), "")
                cells.append("refused: " + answer.replace(place, "it").split(": remove it")[0])
            else:
                cells.append("shown" if np.array_equal(answer, first) else "**other pixels than `predict`**")
    return f"| {kind} | {' | '.join(cells)} |"


def head(what):
    return [f"| {what} | {' | '.join(WAYS.values())} |", "| --- |" + " --- |" * len(WAYS)]


def tables():
    result = kinds.kinds()
    full = head("kind") + [row(kind, data) for kind, (data, *_) in result.items()]
    damaged = head("damage to a JPEG")
    for how, data in kinds.damages(result["JPEG"][0]).items():
        damaged.append(row("JPEG", data).replace("| JPEG |", f"| {how} |", 1))
    return full, damaged


if __name__ == "__main__":
    for lines in tables():
        print("\n".join(lines), end="\n\n")
