"""COCO's format: pictures, and a JSON file with their boxes and outlines."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from keras_cnns.data.sources import coco_json as form
from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.class_names import BACKGROUNDS
from keras_cnns.data.sources.files import check_pixels, contents, digest, note_shared, split_by_fifths
from keras_cnns.data.sources.outlines import Outline, Outlines
from keras_cnns.data.sources.sample import BACKGROUND, VOID, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.support.untrusted import inside

FLAGS = ("iscrowd", "ignore")


@dataclass(frozen=True)
class _Split:
    """One split of a folder: its JSON file, the rows and files of its pictures by id, the ids in order, annotations."""

    folder: Path
    path: Path
    names: tuple[str, ...]
    number_of: dict
    images: dict
    files: dict
    keys: list
    objects: dict[Any, list[dict]]
    crowds_are_objects: bool

    def source(self, names: tuple[str, ...], read: Callable[[int], Sample], annotations: Callable) -> Source:
        """The source of these pictures. annotations: a function from an id to the values for the fingerprint."""
        return Source(
            names=names,
            count=len(self.keys),
            read=read,
            where=lambda number: f"{self.path}, {self.images[self.keys[number]]['file_name']}",
            fingerprint=lambda: digest(self.folder, names, [(self.files[k], annotations(k)) for k in self.keys]),
            files=[self.files[key] for key in self.keys],
            most_boxes=max((len(self.objects[key]) for key in self.images), default=0) or 1,
        )

    def flags(self, rows: Sequence[dict]) -> tuple[np.ndarray, np.ndarray]:
        """(crowd, ignored), bool [n] each."""
        crowd, ignored = (np.array([form.flag(row, name, self.path) for row in rows], bool) for name in FLAGS)
        crowd = np.zeros_like(crowd) if self.crowds_are_objects else crowd
        return crowd, crowd | ignored


def open_boxes(folder: Path, split: str, paths: Sequence[Path]) -> Source:
    """The pictures of a folder with their boxes.

    If the names of the JSON files say which split they are of, these splits are used. If there is a single JSON file,
    about every fifth of its pictures is held out.

    paths: the JSON files (`coco_json.annotation_files`).

    Raises:
      UserError: the split has no JSON file; the file cannot be read; an annotation is of an unknown picture or class; a
        picture is missing; all boxes are fractions of the picture, or have x2 and y2 instead of a width and height; all
        objects are marked to be ignored.
    """
    part = _open(folder, split, paths)
    rows = [row for several in part.objects.values() for row in several if form.has_box(row)]
    check_pixels(part.path, [form.corners(row, part.path) for row in rows])
    form.check_sizes_of_boxes(part.path, rows, part.images)

    def read(number: int) -> Sample:
        key = part.keys[number]
        rows = part.objects[key]
        crowd, ignored = part.flags(rows)
        return Sample(
            picture=contents(part.files[key]),
            boxes=[form.corners(row, part.path) for row in rows],
            classes=[part.number_of[row["category_id"]] for row in rows],
            ignored=ignored,
            crowd=crowd,
            size=form.stated_size(part.images[key]),
        )

    fields = ("bbox", "category_id", *FLAGS)
    return part.source(part.names, read, lambda key: [[row.get(f) for f in fields] for row in part.objects[key]])


def open_masks(folder: Path, split: str, paths: Sequence[Path]) -> Source:
    """The pictures of a folder with masks, painted from the polygons and run lengths of their objects.

    Class 0 is the background. Objects marked with `ignore` are void; crowds belong to their class.

    Raises:
      UserError: as in `open_boxes`; or an annotation has no outline.
    """
    part = _open(folder, split, paths)
    background = [name for name in part.names if name.lower() in BACKGROUNDS]
    others = [name for name in part.names if name not in background]
    names = (*(background or [BACKGROUND])[:1], *others)
    label_of = {key: names.index(part.names[n]) if part.names[n] in names else 0 for key, n in part.number_of.items()}

    def read(number: int) -> Sample:
        key = part.keys[number]
        outlines = [
            Outline(VOID if form.flag(row, "ignore", part.path) else label_of[row["category_id"]], _shape(row, part))
            for row in part.objects[key]
        ]
        mask = Outlines(outlines)
        return Sample(contents(part.files[key]), mask=mask, size=form.stated_size(part.images[key]))

    def annotations(key: Any) -> str:
        fields = ("segmentation", "category_id", "ignore")
        text = json.dumps([[row.get(field) for field in fields] for row in part.objects[key]], default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    return part.source(names, read, annotations)


def has_outlines(paths: Sequence[Path]) -> bool:
    """Whether any annotation of these JSON files has polygons or run lengths."""
    rows = (row for path in paths for row in form.objects(path, form.content(path), "annotations"))
    return any(row.get("segmentation") for row in rows)


def _shape(row: dict, part: _Split) -> dict | list:
    shape = row.get("segmentation")
    if not shape or not isinstance(shape, dict | list):
        raise UnreadableFile(
            f"{part.path}: annotation {row.get('id')!r} has no segmentation, and a mask needs polygons or run lengths."
        )
    if isinstance(shape, list) and not isinstance(shape[0], list):
        shape = [shape]  # a polygon without the list around it
    return shape


def _open(folder: Path, split: str, paths: Sequence[Path]) -> _Split:
    roles = form.by_role(paths, folder)
    chosen = next((roles[role] for role in splits.asked(split) if role in roles), None)
    if chosen is None and roles:
        raise UnreadableFile(f"{folder} has no JSON for {split!r}: it has {', '.join(p.name for p in roles.values())}.")
    if chosen is None and len(paths) > 1:
        several = ", ".join(path.name for path in paths[:3])
        raise UnreadableFile(
            f"{folder} has {len(paths)} JSON files: {several}: name them after their splits, or keep one."
        )
    path = chosen or paths[0]
    content = form.content(path)
    every = [form.content(other) for other in roles.values()] or [content]
    names, number_of = form.classes(path, every)
    images, objects = form.images(path, content), defaultdict(list)
    form.check_not_panoptic(path, content)
    for row in form.objects(path, content, "annotations"):
        for field, known, what in (("image_id", images, "picture"), ("category_id", number_of, "class")):
            if not form.is_id(row.get(field)) or row[field] not in known:
                raise UnreadableFile(f"{path}: an annotation is of {what} {row.get(field)!r}, which is not in it.")
        objects[row["image_id"]].append(row)
    elsewhere = {name for other in roles.values() if other != path for name in form.file_names(form.content(other))}
    return _Split(
        folder=folder,
        path=path,
        names=names,
        number_of=number_of,
        images=images,
        files=_files(folder, path, roles, images, elsewhere),
        keys=list(images if chosen else split_by_fifths(folder, images, split)),
        objects=objects,
        crowds_are_objects=form.crowds_are_objects(
            path,
            [row for each in every for row in form.objects(path, each, "annotations")],
            {key: names[number] for key, number in number_of.items()},
        ),
    )


def _files(
    folder: Path, path: Path, roles: dict[str, Path], images: dict[Any, dict], elsewhere: set[str]
) -> dict[Any, Path]:
    """{id: the picture's file}, by the name in the JSON file: beside the JSON file, or anywhere in the folder.

    If several files have the name, the one is taken whose folders the JSON file names, or which is in a folder of its
    split.

    elsewhere: names in the JSON files of other splits; such a picture in a folder of another split belongs to that one.
    """
    role = next((role for role, other in roles.items() if other == path), None)
    by_name = defaultdict(list)
    for file in walk.pictures(folder):
        by_name[file.name].append(file)
    files: dict[Any, Path] = {}
    absent: list[str] = []
    for key, row in images.items():
        name = PurePosixPath(row["file_name"].replace("\\", "/"))  # written on Windows
        beside = _beside(folder, path, name)
        same = [beside] if beside is not None and beside.is_file() else by_name.get(name.name, [])
        if len(same) > 1:
            same = [other for other in same if other.parts[-len(name.parts) :] == name.parts] or same
        if len(same) > 1 and role:
            same = [other for other in same if splits.role_of_folders(other, folder, loosely=True) == role] or same
        if len(same) > 1:
            raise UnreadableFile(
                f"{path} names {row['file_name']}, and several pictures in {folder} have this name: rename all but one."
            )
        if role and row["file_name"] in elsewhere:
            same = [other for other in same if splits.role_of_folders(other, folder, loosely=True) in (None, role)]
        if same:
            files[key] = same[0]
        else:
            absent.append(row["file_name"])
    if absent:
        raise UnreadableFile(
            f"{path} names {absent[0]}, which is not in {folder} ({len(absent)} pictures are missing)."
        )
    row_of: dict[Path, Any] = {}
    for key, file in files.items():
        if (first := row_of.setdefault(file, key)) != key:
            both = f"{images[first]['file_name']} and {images[key]['file_name']}"
            raise UnreadableFile(
                f"{path} names {both}, and {folder} has one picture for both, {file}: remove one entry."
            )
    if splits.TRAIN in roles and role != splits.TRAIN:
        training = roles[splits.TRAIN]
        names = form.file_names(form.content(training))
        here = {row["file_name"]: files[key] for key, row in images.items() if row["file_name"] in names}
        shared = [name for name, file in here.items() if _reads(folder, training, name, file)]
        note_shared(path, role or "", shared, names)
    unnamed = {p for p in walk.pictures(next(iter(files.values())).parent)} - set(files.values())
    unnamed = {p for p in unnamed if p.relative_to(folder).as_posix() not in elsewhere and p.name not in elsewhere}
    if unnamed:
        messages.once(f"{len(unnamed)} pictures are not in {path} and left out, such as {min(unnamed).name}.")
    return files


def _reads(folder: Path, path: Path, name: str, file: Path) -> bool:
    """Whether a JSON file that names a picture means this file, and not one of that name beside itself."""
    beside = _beside(folder, path, PurePosixPath(name.replace("\\", "/")))
    if beside is not None and beside.is_file():
        return beside.samefile(file)
    return splits.role_of_folders(file, folder, loosely=True) in (None, splits.TRAIN)


def _beside(folder: Path, path: Path, name: PurePosixPath) -> Path | None:
    """The file `name`, relative to the JSON file; None if it is outside of the folder."""
    try:
        return inside(folder, str(path.parent.relative_to(folder) / name), links=True, source=path)
    except UserError:
        return None
