"""The JSON files of a data set in COCO's form: which files there are, of which splits, and their parts, checked."""

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
WORDS = ("annotation", "instances", "coco", "boxes")  # in the names of files that are meant as annotations


def annotation_files(folder: Path, *, alone: bool = True) -> list[Path]:
    """The JSON files of a folder, and of the folders in it, that have COCO's parts.

    Args:
      alone: whether nothing else in the folder holds annotations: then a file that cannot be read may be the one.

    Raises:
      UserError: a file cannot be read that may be meant: by its name, or since there is no other.
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
    """The content of a JSON file; {} if it is no object. Raises UserError: it cannot be read."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> dict:
    try:
        value = read_json(path, MAX_ANNOTATIONS)
    except OSError as error:
        raise UnreadableFile(f"cannot read {path} ({error.strerror or error}).") from error
    return value if isinstance(value, dict) else {}


def by_role(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    """{split: its JSON}. COCO's own folder has several for each split: boxes are in those called instances.

    Where one file alone has no split in its name and none of the others is for training, it is taken for that.

    Raises:
      UserError: several files for one split.
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
        messages.once(f"{others[0]} is taken for the training split: the other JSON files of {folder} are of others.")
        files[splits.TRAIN] = others
    return {role: path for role, (path,) in files.items()}


def role_of(path: Path, folder: Path) -> str | None:
    """The split that a JSON is of, by its name (instances_val2017.json) or its folder's (valid/...)."""
    return splits.role(path.stem, loosely=True) or role_of_folders(path, folder)


def role_of_folders(path: Path, folder: Path) -> str | None:
    """The split that the innermost folder called after a split says."""
    parts = path.relative_to(folder).parts[:-1]
    return next((role for name in reversed(parts) if (role := splits.role(name, loosely=True))), None)


def classes(path: Path, contents: Sequence[Mapping]) -> tuple[tuple[str, ...], dict]:
    """(names, {id: number}) in the order of the ids, the same in every split's JSON.

    Two kinds of classes without annotations do not count: the supercategory of all others, as Roboflow writes it, and
    the background, as labelme writes it.

    Raises:
      UserError: the lists differ, have no ids or names, or two names are the same.
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
    """A part of a JSON file as a list of objects. Raises UserError: it is something else."""
    rows = content[part]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableFile(f"{path}: its {part} are no list of objects.")
    return rows


def images(path: Path, content: Mapping) -> dict[Any, dict]:
    """{id: the row of a picture}. Raises UserError: a picture without an id of its own or a file name."""
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
    """The (height, width) that a picture's row states, or None: 0 means that the program did not know it."""
    size = tuple(_length(row.get(side)) for side in ("height", "width"))
    return None if all(side in (None, 0) for side in size) else size  # type: ignore[return-value]


def _length(value: Any) -> Any:
    """A length in pixels, also where it is written as a text or with a point."""
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
    """The box of an annotation as (x1, y1, x2, y2). Raises UserError: it is no list of four numbers."""
    if not has_box(row):
        raise UnreadableFile(f"{path}: annotation {row.get('id')!r} has no bbox of four numbers.")
    x, y, width, height = map(_float, row["bbox"])
    return x, y, x + width, y + height


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # JSON's whole numbers have no end
        return float("inf")


def flag(row: Mapping, name: str, path: Path) -> bool:
    """iscrowd, or what programs that convert VOC's "difficult" call ignore. Raises UserError: neither 0 nor 1."""
    value = row.get(name)
    if value is not None and value not in (0, 1):
        raise BadArgument(f"{path}: annotation {row.get('id')!r} has {name} {value!r}, and it must be 0 or 1.")
    return bool(value)


def crowds_are_objects(path: Path, rows: Iterable[Mapping], name_of: Mapping[Any, str]) -> bool:
    """Whether iscrowd marks ordinary objects: where every object has it, as after drawing with CVAT's brush.

    A message says so, and which classes have crowds only where others have objects.

    Raises:
      UserError: every object is marked with `ignore`, so that nothing is left to train on.
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
            "are taken for ordinary objects."
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
