"""The JSON files of a data set in COCO's format: finds them, assigns them to splits, and checks their parts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.class_names import BACKGROUNDS, one_line
from keras_cnns.support import messages
from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, first_line
from keras_cnns.support.untrusted import MAX_ANNOTATIONS, read_json

PARTS = {"images", "annotations"}
BEYOND = 1.1  # a side this far over the border, in sides of the picture, is no imprecision
WORDS = ("annotation", "instances", "coco", "boxes")  # parts of the names of annotation files


def annotation_files(folder: Path, *, alone: bool = True) -> list[Path]:
    """The JSON files of a folder, and of the folders in it, that have COCO's parts.

    Args:
      alone: whether the folder has no annotations in other formats.

    Raises:
      UserError: a file cannot be read, and its name says that it has annotations, or there are no others (`alone`).
    """
    usable: list[Path] = []
    damaged: dict[Path, UserError] = {}
    for path in walk.files(folder, ".json"):
        try:
            if set(content(path)) >= PARTS:
                usable.append(path)
        except UserError as error:
            damaged[path] = error
    for path, fault in damaged.items():
        meant = splits.role(path.stem, loosely=True) or any(word in path.stem.lower() for word in WORDS)
        if meant or (alone and not usable):
            raise fault
        messages.once(f"skipped: {path} is not JSON ({first_line(fault)})")
    return usable


def content(path: Path) -> dict:
    """The content of a JSON file; {} if it is not an object. Raises UserError if the file cannot be read."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> dict:
    try:
        value = read_json(path, MAX_ANNOTATIONS)
    except OSError as error:
        raise UnreadableFile(f"cannot read {path} ({error.strerror or error}).") from error
    return value if isinstance(value, dict) else {}


def by_role(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    """{split: its JSON file}. COCO's own folder has several for each split; those called instances have the boxes.

    If exactly one file has no split in its name, and no other is for training, that file is the training split.

    Raises:
      UserError: a split has several files.
    """
    files: dict[str, list[Path]] = defaultdict(list)
    others = [path for path in paths if role_of(path, folder) is None]
    for path in paths:
        if role := role_of(path, folder):
            files[role].append(path)
    for role, several in files.items():
        if len(several) > 1:
            files[role] = [path for path in several if path.stem.lower().startswith("instances")]
        if len(files[role]) != 1:
            names = ", ".join(path.name for path in several[:3])
            raise UnreadableFile(f"{folder} has {len(several)} JSON files for {role}: {names}: keep one.")
    if files and splits.TRAIN not in files and len(others) == 1:
        messages.once(
            f"{others[0]} is used as the training split: the other JSON files of {folder} belong to other splits."
        )
        files[splits.TRAIN] = others
    return {role: path for role, (path,) in files.items()}


def role_of(path: Path, folder: Path) -> str | None:
    """The split of a JSON file, by its name (instances_val2017.json) or its folder's name (valid/...)."""
    return splits.role(path.stem, loosely=True) or splits.role_of_folders(path, folder, loosely=True)


def classes(path: Path, contents: Sequence[Mapping]) -> tuple[tuple[str, ...], dict]:
    """(names, {id: number}) of the classes, in the order of their ids.

    Classes without annotations are left out if they are the supercategory of all others (Roboflow) or the background
    (labelme).

    Raises:
      UserError: the splits list different classes, a class has no id or name, or two have the same name.
    """
    listed = [_categories(path, each) for each in contents]
    rows = contents[0]["categories"]
    if any(each != listed[0] for each in listed):
        raise UnreadableFile(
            f"the JSON files beside {path} have different lists of classes: give all of them the same list."
        )
    annotations = [row for each in contents for row in objects(path, each, "annotations")]
    used = {row.get("category_id") for row in annotations if is_id(row.get("category_id"))}
    roots = {above for row in rows if isinstance(above := row.get("supercategory"), str)} - {"none"}
    if len(roots) == 1 and len(rows) > 1:
        kept = [row for row in rows if str(row["name"]) not in roots or row["id"] in used]
        rows = kept if len(kept) == len(rows) - 1 else rows
    objects_only = [row for row in rows if str(row["name"]).lower() not in BACKGROUNDS or row["id"] in used]
    rows = objects_only or rows
    rows = sorted(rows, key=lambda row: (isinstance(row["id"], str), row["id"]))
    names = tuple(one_line(row["name"]) for row in rows)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableFile(f"{path}: two classes are called {twice!r}: give each its own name.")
    return names, {row["id"]: number for number, row in enumerate(rows)}


def _categories(path: Path, content: Mapping) -> dict[Any, str]:
    """{id: name}."""
    rows: Any = content.get("categories")
    usable = isinstance(rows, list) and rows and all(isinstance(row, dict) and "name" in row for row in rows)
    if not usable or not all(is_id(row.get("id")) for row in rows):
        raise UnreadableFile(f"{path} has no list of classes (categories with id and name).")
    by_id = {row["id"]: str(row["name"]) for row in rows}
    if len(by_id) < len(rows):
        raise UnreadableFile(f"{path}: two classes have the same id: give each its own.")
    return by_id


def objects(path: Path, content: Mapping, part: str) -> list[dict]:
    """A part of a JSON file, which must be a list of objects. Raises UserError if it is not."""
    rows = content[part]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableFile(f"{path}: its {part} are not a list of objects.")
    return rows


def images(path: Path, content: Mapping) -> dict[Any, dict]:
    """{id: the row of a picture}. Raises UserError if a picture has no file name, or no id, or the id of another."""
    rows = objects(path, content, "images")
    by_id = {row["id"]: row for row in rows if is_id(row.get("id")) and isinstance(row.get("file_name"), str)}
    if not by_id or len(by_id) < len(rows):
        raise UnreadableFile(f"{path}: its images need an id of their own and a file_name each.")
    return by_id


def file_names(content: Mapping) -> set[str]:
    """The names of the pictures in a JSON file."""
    rows = content["images"] if isinstance(content["images"], list) else []
    return {str(row.get("file_name")) for row in rows if isinstance(row, dict)}


def stated_size(row: Mapping) -> tuple[Any, Any] | None:
    """The (height, width) in a picture's row; None if it has none. Programs write 0 if they do not know the size."""
    size = tuple(_length(row.get(side)) for side in ("height", "width"))
    return None if all(side in (None, 0) for side in size) else size  # type: ignore[return-value]


def _length(value: Any) -> Any:
    """A length in pixels, which may also be written as a text or with a decimal point."""
    try:
        return None if value is None else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return value


def is_id(value: Any) -> bool:
    """Whether a value can be an id: a number or a text."""
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def has_box(row: Mapping) -> bool:
    """Whether an annotation has a bbox of four numbers."""
    box = row.get("bbox")
    return isinstance(box, list) and len(box) == 4 and all(isinstance(value, int | float) for value in box)


def corners(row: Mapping, path: Path) -> tuple[float, float, float, float]:
    """The box of an annotation as (x1, y1, x2, y2). Raises UserError if it is not a list of four numbers."""
    if not has_box(row):
        raise UnreadableFile(f"{path}: annotation {row.get('id')!r} has no bbox of four numbers.")
    x, y, width, height = map(_float, row["bbox"])
    return x, y, x + width, y + height


def check_sizes_of_boxes(path: Path, rows: Sequence[Mapping], images: Mapping[Any, Mapping]) -> None:
    """Raises UserError if the boxes fit into their pictures only as x1, y1, x2, y2: COCO's are x, y, width, height."""
    beyond = 0
    for row in rows:
        size = stated_size(images[row["image_id"]])
        x, y, width, height = map(_float, row["bbox"])
        if size is None or not all(isinstance(side, int) for side in size):
            continue
        if not (x <= width <= size[1] + 1 and y <= height <= size[0] + 1):
            return
        beyond += x + width > BEYOND * size[1] or y + height > BEYOND * size[0]
    if 4 * beyond > len(rows):
        raise UnreadableFile(
            f"{path}: {beyond} boxes reach beyond their pictures, and all fit if they are read as x1, y1, x2, y2: "
            "write x, y, width, height, as COCO does."
        )


def check_not_panoptic(path: Path, content: Mapping) -> None:
    """Raises UserError if the annotations are COCO's panoptic ones, with segments and a mask file for each picture."""
    if any("segments_info" in row and "bbox" not in row for row in objects(path, content, "annotations")[:1]):
        raise UnreadableFile(
            f"{path} has COCO's panoptic annotations (segments_info), which are not read: take the file of its "
            "instances, or save masks of classes as PNG in a folder masks."
        )


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # whole numbers in JSON have no upper limit
        return float("inf")


def flag(row: Mapping, name: str, path: Path) -> bool:
    """The flag iscrowd or ignore (VOC's "difficult", converted). Raises UserError if it is neither 0 nor 1."""
    value = row.get(name)
    if value is not None and value not in (0, 1):
        raise BadArgument(f"{path}: annotation {row.get('id')!r} has {name} {value!r}, and it must be 0 or 1.")
    return bool(value)


def crowds_are_objects(path: Path, rows: Iterable[Mapping], name_of: Mapping[Any, str]) -> bool:
    """Whether iscrowd marks ordinary objects: assumed if every object has it, as after drawing with CVAT's brush.

    A note says so. If only some objects are crowds, a note names a class that has nothing else.

    Raises:
      UserError: every object is marked with `ignore`, so that there is nothing to train on.
    """
    marks: dict[Any, list[bool]] = defaultdict(list)
    ignored = []
    for row in rows:
        if is_id(row.get("category_id")):
            marks[row["category_id"]].append(row.get("iscrowd") in (1, True))
        ignored.append(row.get("ignore") in (1, True))
    if ignored and all(ignored):
        raise UnreadableFile(
            f"{path}: all {len(ignored)} objects are marked with ignore 1, and such objects are not trained on: remove "
            "these marks."
        )
    every = [mark for several in marks.values() for mark in several]
    if every and all(every):
        messages.once(
            f"{path}: every object is marked as a crowd (iscrowd 1), as CVAT marks what is drawn with a brush: they "
            "count as ordinary objects."
        )
        return True
    for key, several in marks.items():
        if all(several) and key in name_of:
            messages.once(
                f"{path}: all {len(several)} objects of the class {name_of[key]!r} are marked as crowds (iscrowd 1) "
                "and are not trained on. If they were drawn with a brush, as in CVAT, set iscrowd to 0."
            )
    if sum(every) > max(1, len(every) / 10):
        messages.once(
            f"{path}: {sum(every)} of {len(every)} objects are marked as crowds (iscrowd 1) and are not trained on. If "
            "they were drawn with a brush, as in CVAT, set iscrowd to 0."
        )
    return False
