"""Small folders as annotation programs write them; every picture is known again by its red value."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnns.data.decoding import decoded
from keras_cnns.data.sources.by_name import open_source

WIDTH, HEIGHT = 80, 60


def picture(path, number, size=(WIDTH, HEIGHT)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number, 90, 160)).save(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def png(path, values, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, "uint8"), **options).save(path)


def square(value, rows=slice(10, 40), columns=slice(20, 60)):
    """A mask of one rectangle."""
    mask = np.zeros((HEIGHT, WIDTH), "uint8")
    mask[rows, columns] = value
    return mask


def samples(folder, split, target):
    """(the names of the classes, {number of the picture: its sample})."""
    source = open_source(f"folder:{folder}", split, target)
    rows = [decoded(source, number) for number in range(source.count)]
    numbers = {int(row.picture[0, 0, 0]): row for row in rows}
    assert len(numbers) == len(rows)
    return source.names, numbers


def boxes(folder, split=None):
    """(the names, {number: [(class, x1, y1, x2, y2)] of the boxes that count}), of one split or of both."""
    if split is None:
        return _both(boxes, folder)
    names, rows = samples(folder, split, "boxes")
    return names, {
        number: sorted(
            (names[kind], *(float(side) for side in box))
            for kind, box, ignored in zip(row.classes, row.boxes, row.ignored, strict=True)
            if not ignored
        )
        for number, row in rows.items()
    }


def masks(folder, split=None):
    """(the names, {number: the mask}), of one split or of both."""
    if split is None:
        return _both(masks, folder)
    names, rows = samples(folder, split, "mask")
    return names, {number: row.mask for number, row in rows.items()}


def _both(read, folder):
    (names, train), (same, test) = (read(folder, split) for split in ("train", "test"))
    assert names == same and not set(train) & set(test)
    return names, train | test


def xml(path, *objects, start="", end=""):
    """objects: (class, xmin, ymin, xmax, ymax), or with "difficult" as a sixth."""
    text = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    for name, x1, y1, x2, y2, *difficult in objects:
        sides = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        text += f"<object><name>{name}</name><difficult>{int(bool(difficult))}</difficult>"
        text += f"<bndbox>{sides}</bndbox></object>"
    write(path, f"<annotation>{start}{text}{end}</annotation>")


def coco(rows, names=("road", "car"), **fields):
    """COCO's JSON of {file name: [(class, x1, y1, x2, y2)]}; fields: more of each annotation, or functions of a box."""
    annotations = []
    for number, objects in enumerate(rows.values()):
        for name, x1, y1, x2, y2 in objects:
            more = {key: make((x1, y1, x2, y2)) if callable(make) else make for key, make in fields.items()}
            row = {"id": len(annotations), "image_id": number, "category_id": 1 + names.index(name), "iscrowd": 0}
            annotations.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1]} | more)
    images = [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(rows)]
    categories = [{"id": 1 + n, "name": name} for n, name in enumerate(names)]
    return {"images": images, "annotations": annotations, "categories": categories}


def corners(box):
    x1, y1, x2, y2 = box
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def yolo_line(number, x1, y1, x2, y2):
    values = ((x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT)
    return f"{number} " + " ".join(f"{value:.6f}" for value in values)


def folder_of_voc(folder: Path, count: int, box=("widget", 11, 6, 30, 25)):
    for n in range(count):
        picture(folder / "JPEGImages" / f"{n}.png", n)
        xml(folder / "Annotations" / f"{n}.xml", box)
