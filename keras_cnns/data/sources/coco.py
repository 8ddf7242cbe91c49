"""COCO's form: pictures and a JSON file of their boxes, for a data set of one's own too."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import numpy as np

from keras_cnns import said
from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import array_of, split_by_fifths
from keras_cnns.data.sources.scene import Located, Scene, checked
from keras_cnns.errors import UserError
from keras_cnns.files import read_json


def notes_in(folder):
    """The JSON files of a folder, and of the folders in it, that have COCO's parts."""
    found = [path for path in sorted(Path(folder).rglob("*.json")) if not any(walk.hidden(p) for p in path.parts)]
    return [path for path in found if {"images", "annotations"} <= set(_content(path))]


def open_boxes(folder, split):
    """The pictures of a folder with JSON files: one for each split by name, or one of which every fifth is for test.

    Raises:
      UserError: no JSON of that split; it cannot be read; an annotation's picture or class is not in it; a picture's
        file is missing.
    """
    notes = notes_in(folder)
    by_role = {role: path for path in notes for role in [_role(path, folder)] if role}
    chosen = next((by_role[role] for role in splits.asked(split) if role in by_role), None)
    if chosen is None and by_role:
        raise UserError(f"{folder} has no JSON for {split!r}: it has {', '.join(p.name for p in by_role.values())}.")
    path = chosen or notes[0]
    content = _content(path)
    names, number_of = _classes(path, [_content(other) for other in by_role.values()] or [content])
    images, objects = _images(path, content), defaultdict(list)
    for found in content["annotations"]:
        if found.get("image_id") not in images:
            raise UserError(f"{path}: an annotation is of picture {found.get('image_id')!r}, which is not in it.")
        if found.get("category_id") not in number_of:
            raise UserError(f"{path}: an annotation is of class {found.get('category_id')!r}, which is not in it.")
        objects[found["image_id"]].append(found)
    files = _files(folder, path, images)
    keys = list(images if chosen else split_by_fifths(folder, images, split))

    def read(number, size):
        key = keys[number]
        image, row = array_of(files[key]), images[key]
        if (row.get("height"), row.get("width")) not in ((None, None), image.shape[:2]):
            raise UserError(
                f"{path} says that {row['file_name']} is of {row.get('width')} x {row.get('height')} pixels, and it is "
                f"of {image.shape[1]} x {image.shape[0]}: its boxes are of another picture, or of one that was turned."
            )
        corners = [_corners(found, path) for found in objects[key]]
        boxes, there = checked(corners, image.shape[:2], f"{path}, {row['file_name']}")
        labels = np.array([number_of[found["category_id"]] for found in objects[key]], "int64")[there]
        crowd = np.array([bool(found.get("iscrowd")) for found in objects[key]], bool)[there]
        return Scene(image, boxes[there], labels, None, crowd, crowd)

    return Located(names, len(keys), max(map(len, objects.values()), default=1), read)


def _content(path):
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path, changed):
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} as JSON: {error}.") from error
    return content if isinstance(content, dict) else {}


def _role(path, folder):
    """The split that a JSON is of, by its name (instances_val2017.json) or its folder's (valid/...)."""
    inside = path.relative_to(folder).parts[:-1]
    return next((r for name in (path.stem, *reversed(inside)) if (r := splits.role(name, loosely=True))), None)


def _classes(path, contents):
    """(names, {id: number}) in the order of the ids, the same in every split's JSON.

    A class that all others are kinds of and that nothing is of, Roboflow's name of the data set, is none.
    """
    rows = contents[0].get("categories") or []
    if not rows or not all(isinstance(row, dict) and {"id", "name"} <= set(row) for row in rows):
        raise UserError(f"{path} has no list of classes (categories with id and name).")
    listed = [{row.get("id"): row.get("name") for row in content.get("categories") or []} for content in contents]
    if any(one != listed[0] for one in listed):
        raise UserError(f"the JSON files beside {path} have different lists of classes: give all of them the same.")
    used = {found.get("category_id") for content in contents for found in content["annotations"]}
    roots = {row.get("supercategory") for row in rows} - {"none", None}
    if len(roots) == 1 and len(rows) > 1:
        kept = [row for row in rows if row["name"] not in roots or row["id"] in used]
        rows = kept if len(kept) == len(rows) - 1 else rows
    rows = sorted(rows, key=lambda row: row["id"])
    return tuple(str(row["name"]) for row in rows), {row["id"]: number for number, row in enumerate(rows)}


def _images(path, content):
    images = {row.get("id"): row for row in content["images"] if isinstance(row, dict) and "file_name" in row}
    if not images or len(images) < len(content["images"]):
        raise UserError(f"{path}: its images need an id of their own and a file_name each.")
    return images


def _files(folder, path, images):
    """{id: the picture's file}: beside the JSON, or anywhere in the folder, by the name in the JSON."""
    there = {found.name: found for found in walk.pictures(folder)}
    files, absent = {}, []
    for key, row in images.items():
        beside = path.parent / row["file_name"]
        found = beside if beside.is_file() else there.get(Path(row["file_name"]).name)
        files[key] = found
        absent += [row["file_name"]] if found is None else []
    if absent:
        raise UserError(f"{path} names {absent[0]}, which is not in {folder} ({len(absent)} pictures are missing).")
    left = {p for p in walk.pictures(next(iter(files.values())).parent)} - set(files.values())
    if left:
        said.once(f"{len(left)} pictures are not in {path} and left out, such as {sorted(left)[0].name}.")
    return files


def _corners(found, path):
    box = found.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise UserError(f"{path}: annotation {found.get('id')!r} has no bbox of four numbers.")
    x, y, width, height = box
    return x, y, x + width, y + height
