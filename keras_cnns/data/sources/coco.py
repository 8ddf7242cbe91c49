"""Boxes in the form of COCO: pictures, and JSON files with their annotations."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import check_pixels, contents, digest, split_by_fifths
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import MAX_ANNOTATIONS, inside, read_json

FLAGS = ("iscrowd", "ignore")


def notes_in(folder: Path) -> list[Path]:
    """The JSON files in a folder and below that have the parts of a COCO file."""
    paths = [path for path in sorted(Path(folder).rglob("*.json")) if not any(walk.hidden(p) for p in path.parts)]
    return [path for path in paths if {"images", "annotations"} <= set(_content(path))]


def open_boxes(folder: Path, split: str) -> Source:
    """The pictures of a folder with COCO files: one file for each split, by its name or its folder's, or a single one.

    Of a single file, every fifth picture is held out for test.

    Raises:
      UserError: there is no file for that split; it cannot be read; an annotation names a picture or a class that the
        file does not list; a picture is missing.
    """
    notes = notes_in(folder)
    by_role = _by_role(notes, folder)
    chosen = next((by_role[role] for role in splits.asked(split) if role in by_role), None)
    if chosen is None and by_role:
        raise UserError(f"{folder} has no JSON for {split!r}: it has {', '.join(p.name for p in by_role.values())}.")
    if chosen is None and len(notes) > 1:
        several = ", ".join(path.name for path in notes[:3])
        raise UserError(f"{folder} has {len(notes)} JSON files: {several}: name them after their splits, or keep one.")
    path = chosen or notes[0]
    content = _content(path)
    names, number_of = _classes(path, [_content(other) for other in by_role.values()] or [content])
    others = [_content(other) for other in by_role.values() if other != path]
    images, objects = _images(path, content), defaultdict(list)
    for row in _rows(path, content, "annotations"):
        if not _known(row.get("image_id"), images):
            raise UserError(f"{path}: an annotation is of picture {row.get('image_id')!r}, which is not in it.")
        if not _known(row.get("category_id"), number_of):
            raise UserError(f"{path}: an annotation is of class {row.get('category_id')!r}, which is not in it.")
        objects[row["image_id"]].append(row)
    check_pixels(path, [_corners(row, path) for rows in objects.values() for row in rows if _has_box(row)])
    files = _files(folder, path, images, {name for other in others for name in _file_names(other)})
    keys = list(images if chosen else split_by_fifths(folder, images, split))

    def read(number):
        key = keys[number]
        rows, stated = objects[key], tuple(_length(images[key].get(side)) for side in ("height", "width"))
        crowd, ignored = (np.array([_flag(row, name, path) for row in rows], bool) for name in FLAGS)
        return Sample(
            picture=contents(files[key]),
            boxes=[_corners(row, path) for row in rows],
            classes=[number_of[row["category_id"]] for row in rows],
            ignored=crowd | ignored,
            crowd=crowd,
            size=None if stated == (None, None) else stated,
        )

    def fingerprint():
        parts = ("bbox", "category_id", *FLAGS)
        return digest(folder, names, [(files[k], [[row.get(p) for p in parts] for row in objects[k]]) for k in keys])

    return Source(
        names=names,
        count=len(keys),
        read=read,
        where=lambda number: f"{path}, {images[keys[number]]['file_name']}",
        fingerprint=fingerprint,
        files=[files[key] for key in keys],
        most_boxes=max((len(objects[key]) for key in images), default=0) or 1,
    )


def _content(path):
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path, changed):
    try:
        content = read_json(path, MAX_ANNOTATIONS)
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error}).") from error
    return content if isinstance(content, dict) else {}


def _by_role(notes, folder):
    """{split: its JSON file}. COCO's own folder has several for each split: boxes are in those called instances."""
    by_role = defaultdict(list)
    for path in notes:
        by_role[_role(path, folder)].append(path)
    by_role.pop(None, None)
    for role, paths in by_role.items():
        if len(paths) > 1:
            by_role[role] = [path for path in paths if path.stem.lower().startswith("instances")]
        if len(by_role[role]) != 1:
            several = ", ".join(path.name for path in paths[:3])
            raise UserError(f"{folder} has {len(paths)} JSON files for {role}: {several}: keep one.")
    return {role: path for role, (path,) in by_role.items()}


def _role(path, folder):
    """The split of a JSON file, by its name (instances_val2017.json) or its folder's (valid/...)."""
    return splits.role(path.stem, loosely=True) or _role_of_folders(path, folder)


def _role_of_folders(path, folder):
    inside = path.relative_to(folder).parts[:-1]
    return next((role for name in reversed(inside) if (role := splits.role(name, loosely=True))), None)


def _classes(path, contents):
    """(names, {id: number}) in the order of the ids, which has to be the same in the files of all splits.

    A class that is the supercategory of all others and has no annotations, as Roboflow writes, does not count.
    """
    listed = [_categories(path, content) for content in contents]
    rows = contents[0]["categories"]
    if any(one != listed[0] for one in listed):
        raise UserError(
            f"the JSON files beside {path} have different lists of classes: give all of them the same list."
        )
    annotations = [row for content in contents for row in _rows(path, content, "annotations")]
    used = {row.get("category_id") for row in annotations if _is_id(row.get("category_id"))}
    roots = {above for row in rows if isinstance(above := row.get("supercategory"), str)} - {"none"}
    if len(roots) == 1 and len(rows) > 1:
        kept = [row for row in rows if str(row["name"]) not in roots or row["id"] in used]
        rows = kept if len(kept) == len(rows) - 1 else rows
    rows = sorted(rows, key=lambda row: (isinstance(row["id"], str), row["id"]))
    names = tuple(str(row["name"]) for row in rows)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: two classes are called {twice!r}: give each its own name.")
    return names, {row["id"]: number for number, row in enumerate(rows)}


def _categories(path, content):
    """{id: name}."""
    rows = content.get("categories")
    usable = isinstance(rows, list) and rows and all(isinstance(row, dict) and "name" in row for row in rows)
    if not usable or not all(_is_id(row.get("id")) for row in rows):
        raise UserError(f"{path} has no list of classes (categories with id and name).")
    names = {row["id"]: str(row["name"]) for row in rows}
    if len(names) < len(rows):
        raise UserError(f"{path}: two classes have the same id: give each its own.")
    return names


def _rows(path, content, part):
    rows = content[part]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: its {part} are no list of objects.")
    return rows


def _is_id(value):
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _known(value, ids):
    return _is_id(value) and value in ids


def _length(value):
    """A length in pixels, also where it is written as a string or a float."""
    try:
        return None if value is None else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return value


def _flag(row, name, path):
    """ "iscrowd", or "ignore", which converters write for VOC's "difficult"."""
    value = row.get(name)
    if value is not None and value not in (0, 1):
        raise UserError(f"{path}: annotation {row.get('id')!r} has {name} {value!r}, and it must be 0 or 1.")
    return bool(value)


def _float(number):
    try:
        return float(number)
    except OverflowError:  # JSON has integers of any size
        return float("inf")


def _images(path, content):
    rows = _rows(path, content, "images")
    images = {row["id"]: row for row in rows if _is_id(row.get("id")) and isinstance(row.get("file_name"), str)}
    if not images or len(images) < len(rows):
        raise UserError(f"{path}: its images need an id of their own and a file_name each.")
    return images


def _file_names(content):
    rows = content["images"] if isinstance(content["images"], list) else []
    return {str(row.get("file_name")) for row in rows if isinstance(row, dict)}


def _files(folder, path, images, elsewhere):
    """{id: the picture's file}: beside the JSON file, or anywhere in the folder, by the name in the JSON file.

    Of several files of that name, the one is taken whose folders the JSON file names, or that lies in a folder of the
    same split.

    elsewhere: names in the JSON files of other splits; a picture of such a name in a folder of another split is theirs.
    """
    there, role = defaultdict(list), _role(path, folder)
    for picture in walk.pictures(folder):
        there[picture.name].append(picture)
    files, absent = {}, []
    for key, row in images.items():
        name = PurePosixPath(row["file_name"].replace("\\", "/"))  # written on Windows
        beside = _beside(folder, path, name)
        candidates = [beside] if beside is not None and beside.is_file() else there.get(name.name, [])
        if len(candidates) > 1:
            candidates = [other for other in candidates if other.parts[-len(name.parts) :] == name.parts] or candidates
        if len(candidates) > 1 and role:
            candidates = [other for other in candidates if _role_of_folders(other, folder) == role] or candidates
        if len(candidates) > 1:
            raise UserError(f"{path} names {row['file_name']}, and several pictures in {folder} are called so.")
        if role and row["file_name"] in elsewhere:
            candidates = [other for other in candidates if _role_of_folders(other, folder) in (None, role)]
        absent += [] if candidates else [row["file_name"]]
        files[key] = candidates[0] if candidates else None
    if absent:
        raise UserError(f"{path} names {absent[0]}, which is not in {folder} ({len(absent)} pictures are missing).")
    taken = {}
    for key, file in files.items():
        if (first := taken.setdefault(file, key)) != key:
            both = f"{images[first]['file_name']} and {images[key]['file_name']}"
            raise UserError(f"{path} names {both}, and {folder} has one picture for both, {file}.")
    left = {p for p in walk.pictures(next(iter(files.values())).parent)} - set(files.values())
    if left:
        messages.once(f"{len(left)} pictures are not in {path} and left out, such as {sorted(left)[0].name}.")
    return files


def _beside(folder, path, name):
    """The file `name` as seen from the JSON file; None where that is outside of the folder."""
    try:
        return inside(folder, str(path.parent.relative_to(folder) / name), links=True, source=path)
    except UserError:
        return None


def _has_box(row):
    box = row.get("bbox")
    return isinstance(box, list) and len(box) == 4 and all(isinstance(value, int | float) for value in box)


def _corners(row, path):
    if not _has_box(row):
        raise UserError(f"{path}: annotation {row.get('id')!r} has no bbox of four numbers.")
    x, y, width, height = map(_float, row["bbox"])
    return x, y, x + width, y + height
