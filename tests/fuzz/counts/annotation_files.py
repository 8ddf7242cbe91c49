"""Damaged and hostile annotations: COCO, YOLO, PASCAL VOC, tables and folders of masks.

Every sample of both splits is read, as training does. The folder outside holds a white picture, which no sample may be.
"""

import json
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from keras_cnns.data.pillow import decoded
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.support.errors import UserError
from tests.fuzz.counts.children import Harness, main
from tests.fuzz.counts.damage import damaged_bytes, damaged_value
from tests.fuzz.mutations import ODD_VALUES
from tests.fuzz.test_readers import COCO, VOC, YOLO, pictures

SECRET = "../../outside/secret.png"
ODD = (*ODD_VALUES, SECRET, "images/../../../outside/secret.png", "images/1.png", 1e9, "cat")
ODD += ({"counts": "a", "size": [1]}, {"counts": [2**40], "size": [2**20, 2**20]})
WORDS = (SECRET, "/etc/hostname", "&e;", "<!ENTITY e SYSTEM 'file:///etc/hostname'>", "*a", "!!python/name:os.system ")
WORDS += ("1e999", "-0.5", "nan", "\t", ",", "\x00", "\u2028", "[" * 400, "{" * 400, "<a>" * 400, "images/0.png")
TABLE = "file,class\n" + "".join(f"images/{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(4))
LABELS = "0 0.5 0.5 0.25 0.25\n1 0.4 0.4 0.2 0.2\n"


def damaged_text(random: Random, text: str) -> bytes:
    """`text` with words replaced or inserted, lines repeated or removed, or bytes damaged."""
    kind = random.choice(("word", "word", "line", "bytes"))
    if kind == "bytes":
        return damaged_bytes(random, text.encode())
    if kind == "line":
        lines = text.splitlines(keepends=True)
        n = random.randrange(len(lines))
        lines[n : n + 1] = random.choice(([], lines[n : n + 1] * 3, [random.choice(WORDS) + "\n"]))
        return "".join(lines).encode()
    start = random.randrange(len(text))
    return (text[:start] + random.choice(WORDS) + text[start + random.choice((0, 1, 5)) :]).encode()


def write(random: Random, folder: Path) -> tuple[str, str]:
    """A data set with one damaged file in the folder; returns its path and what is read of it."""
    form = random.choice(("coco", "coco polygons", "voc", "yolo", "yolo labels", "table", "jsonl", "masks"))
    pictures(folder / "images")
    if form.startswith("coco"):
        damaged = json.dumps(damaged_value(random, COCO, ODD)).encode() if random.random() < 0.8 else None
        (folder / "a.json").write_bytes(damaged or damaged_text(random, json.dumps(COCO, indent=1)))
        return str(folder), "mask" if "polygons" in form else "boxes"
    if form == "voc":
        for n in range(4):
            (folder / "images" / f"{n}.xml").write_text(VOC)
        (folder / "images" / "1.xml").write_bytes(damaged_text(random, VOC))
        return str(folder), "boxes"
    if form.startswith("yolo"):
        (folder / "data.yaml").write_text(YOLO)
        (folder / "labels").mkdir()
        for n in range(4):
            (folder / "labels" / f"{n}.txt").write_text(LABELS)
        name, text = ("data.yaml", YOLO) if form == "yolo" else ("labels/1.txt", LABELS)
        (folder / name).write_bytes(damaged_text(random, text))
        return str(folder), "boxes"
    if form == "masks":
        (folder / "masks").mkdir()
        for n in range(4):
            Image.fromarray(np.full((10, 12), n % 3, np.uint8)).save(folder / "masks" / f"{n}.png")
        (folder / "masks" / "1.png").write_bytes(damaged_bytes(random, (folder / "masks" / "1.png").read_bytes()))
        (folder / "classes.txt").write_bytes(damaged_text(random, "sky\ncat\ndog\n"))
        return str(folder), "mask"
    if form == "jsonl":
        rows = [{"file": f"images/{n}.png", "class": "cat" if n % 2 else "dog"} for n in range(4)]
        text = "\n".join(json.dumps(damaged_value(random, row, ODD) if n == 1 else row) for n, row in enumerate(rows))
        (folder / "a.jsonl").write_text(text)
        return str(folder / "a.jsonl"), "label"
    (folder / "a.csv").write_bytes(damaged_text(random, TABLE))
    return str(folder / "a.csv"), "label"


def case(random: Random, folder: Path) -> str:
    path, target = write(random, folder)
    refused = 0
    for split in ("train", "test"):
        try:
            source = open_source(f"folder:{path}", split, target)
            for number in range(min(source.count, 6)):
                picture = source.read(number).picture
                picture = picture.numpy() if hasattr(picture, "numpy") else picture
                picture = decoded(picture, 3) if isinstance(picture, bytes) else picture
                assert np.max(picture) < 200, "a picture from outside was read"
        except UserError as error:
            text = str(error)
            assert text.strip() and len(text.splitlines()) == 1, text
            refused += 1
    return "refused" if refused else "answer"


if __name__ == "__main__":
    main(Harness("annotations", case), "hostile annotation files", 500)
