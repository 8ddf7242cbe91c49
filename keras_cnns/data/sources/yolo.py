"""YOLO's format: a data.yaml with the classes and the splits, pictures, and a label file for each picture.

The rules are those of Ultralytics (ultralytics/data/utils.py): the label file of images/train/a.jpg is
labels/train/a.txt; a picture outside of folders called images has its label file beside it. A folder with the names of
the classes in classes.txt instead of data.yaml, as Label Studio writes it, is read as well.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.class_names import class_list, one_line
from keras_cnns.data.sources.files import contents, digest, split_by_fifths
from keras_cnns.data.sources.outlines import Outline, Outlines
from keras_cnns.data.sources.sample import BACKGROUND, VOID, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.data.sources.yolo_labels import read_labels
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.support.untrusted import inside, read_text, read_yaml

FIRST = ("data.yaml", "data.yml", "dataset.yaml")  # usual names of the file
SPLITS = {splits.TRAIN: "train", splits.VALIDATION: "val", splits.TEST: "test"}
IMAGES, LABELS = "images", "labels"
ENDINGS = (".jpg", ".png", ".jpeg", ".bmp", ".JPG")


@dataclass(frozen=True)
class YoloFolder:
    """The description of a YOLO folder.

    Attributes:
      root: the folder.
      path: the file with the classes.
      names: the names of the classes, by number.
      splits: {split: the folders, lists or pictures that data.yaml names}; {} without a data.yaml.
      base: the folder to which these are relative.
      keypoints: how many numbers follow each box in files for poses.
    """

    root: Path
    path: Path
    names: tuple[str, ...]
    splits: dict[str, list[str]]
    base: Path
    keypoints: int = 0


def describe(root: Path) -> YoloFolder | None:
    """The description of a YOLO folder; None for folders in other formats.

    Raises:
      UserError: data.yaml cannot be read, or its names, splits or path are not usable.
    """
    for path in sorted(walk.files(root, ".yaml", ".yml"), key=lambda p: (p.name not in FIRST, len(p.parts), p)):
        if path.parent != root and path.name not in FIRST:
            continue
        content = read_yaml(path)
        keys = set(content) if isinstance(content, dict) else set()
        if keys & {"names", "nc"} and (keys & {*SPLITS.values()} or (path.name in FIRST and (root / LABELS).is_dir())):
            return _described(root, path, content)
    listed = class_list(root)
    if listed and (root / "obj.data").is_file():  # Darknet's, as CVAT and datumaro write it
        files = [(role, f"{name}.txt") for role, name in (*SPLITS.items(), (splits.VALIDATION, "valid"))]
        lists = {role: [name] for role, name in files if (root / name).is_file()}
        return YoloFolder(root, root / "obj.data", listed.names, lists, root)
    texts = [path for path in walk.files(root, ".txt") if listed and path.parent != root]
    beside = [path for path in walk.files(root, ".txt") if listed and path != listed.path]
    if listed and (LABELS in {part for path in texts for part in path.relative_to(root).parts} or _labelled(beside)):
        return YoloFolder(root, listed.path, listed.names, {}, root)
    return None


def has_labels(root: Path) -> bool:
    """Whether text files with lines of numbers lie beside the pictures or in `labels`, as YOLO's do."""
    texts = [
        p for p in walk.files(root, ".txt") if LABELS in p.parts or any(p.with_suffix(e).is_file() for e in ENDINGS)
    ]
    return any(re.match(r"\s*\d+( [\d.]+){4}", read_text(path)) for path in texts[:20])


def _labelled(texts: Sequence[Path]) -> bool:
    """Whether one of these text files lies beside a picture of its name."""
    endings = walk.SUFFIXES
    return any(text.with_suffix(ending).is_file() for text in texts[:1000] for ending in endings)


def _described(root: Path, path: Path, content: dict) -> YoloFolder:
    names = _names(path, content)
    keypoints = content.get("kpt_shape")
    count = 0
    if isinstance(keypoints, list) and len(keypoints) == 2 and all(isinstance(n, int) for n in keypoints):
        count = keypoints[0] * keypoints[1]
    entries = {role: content.get(key) for role, key in SPLITS.items()}
    if entries[splits.VALIDATION] is None and content.get("valid"):
        entries[splits.VALIDATION] = content["valid"]
    listed = {}
    for role, entry in entries.items():
        entry = [entry] if isinstance(entry, str) else entry
        if entry in (None, [], [""]):
            continue
        if not isinstance(entry, list) or not all(isinstance(name, str) and name for name in entry):
            raise UnreadableFile(
                f"{path}: {SPLITS[role]} needs a folder, a list of folders, or a text file of pictures."
            )
        listed[role] = entry
    return YoloFolder(root, path, names, listed, _base(root, path, content.get("path")), count)


def _names(path: Path, content: dict) -> tuple[str, ...]:
    rows: Any = content.get("names")
    if isinstance(rows, dict):
        try:
            by_number = {int(key): name for key, name in rows.items()}
        except (TypeError, ValueError):
            by_number = {}
        if sorted(by_number) != list(range(len(rows))):
            raise UnreadableFile(f"{path}: names needs the numbers 0 to {len(rows) - 1} without a gap.")
        rows = [by_number[number] for number in range(len(rows))]
    if not isinstance(rows, list) or not rows:
        raise UnreadableFile(f"{path} needs names, a list of the classes or {{0: name, 1: name ...}}.")
    odd = next((name for name in rows if not isinstance(name, str | int) or isinstance(name, bool)), None)
    if odd is not None or None in rows:
        raise UnreadableFile(f"{path}: names has {odd}, which YAML does not read as a text: put quotes around it.")
    names = tuple(one_line(name) for name in rows)
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path}: two classes have the same name: give each its own.")
    if "nc" in content and content["nc"] != len(names):
        raise UnreadableFile(f"{path} has {len(names)} names, and nc is {content['nc']}: correct one of them.")
    return names


def _base(root: Path, path: Path, stated: Any) -> Path:
    """The folder to which the splits are relative.

    It is `path` in data.yaml if that is inside the folder, else the folder of data.yaml. A path of another machine is
    ignored, and so is a path relative to Ultralytics' folder of data sets.
    """
    if not isinstance(stated, str) or not stated or stated == ".":
        return path.parent
    for parent in (path.parent, root):
        try:
            base = inside(root, os.path.relpath(parent / stated, root), source=path)
        except UserError:
            continue
        if base.is_dir():
            return base
    if Path(stated).resolve() != path.parent.resolve():
        messages.once(f"{path}: its path {stated!r} is not read; what it names is looked for in {path.parent}.")
    return path.parent


def _pictures(folder: YoloFolder, role: str) -> list[Path]:
    """The pictures of a split, each once."""
    pictures: dict[Path, None] = {}
    for entry in folder.splits[role]:
        place = _place(folder, entry)
        if place.is_dir():
            pictures |= dict.fromkeys(walk.pictures(place))
        elif place.suffix.lower() == ".txt":
            pictures |= dict.fromkeys(_listed(folder, place))
        elif walk.is_picture(place.name):
            pictures[place] = None
        else:
            raise UnreadableFile(f"{folder.path}: {entry!r} is not a folder, a text file or a picture.")
    if not pictures:
        raise UnreadableFile(f"{folder.path}: {SPLITS[role]} ({', '.join(folder.splits[role])}) has no pictures.")
    return list(pictures)


def _exists(folder: YoloFolder, entry: str) -> bool:
    try:
        return _place(folder, entry).exists()
    except UserError:
        return False


def _place(folder: YoloFolder, entry: str) -> Path:
    """The path that an entry of data.yaml or of a list means, with Ultralytics' rule for Roboflow's "../train"."""
    readings = [entry]
    while (text := readings[-1].replace("\\", "/")).startswith(("../", "data/")):  # "data/" in Darknet's lists
        readings.append(text.split("/", 1)[1])
    for reading in readings:
        for base in dict.fromkeys((folder.base, folder.path.parent)):
            try:
                text = reading if os.path.isabs(reading) else str(base / reading.replace("\\", "/"))
                place = inside(folder.root, os.path.relpath(text, folder.root), links=True, source=folder.path)
            except UserError:
                continue
            if place.exists():
                return place
    raise UnreadableFile(f"{folder.path} names {entry!r}, which is not in {folder.root}.")


def _listed(folder: YoloFolder, path: Path) -> list[Path]:
    try:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error}).") from None
    base = YoloFolder(folder.root, path, folder.names, {}, folder.base)
    return [_place(base, line) for line in lines]


def label_file(picture: Path, root: Path) -> Path:
    """The label file of a picture: in `labels` instead of the last folder called `images`, else beside it."""
    parts = list(picture.relative_to(root).parts)
    for number in range(len(parts) - 2, -1, -1):
        if parts[number] == IMAGES:
            parts[number] = LABELS
            break
    return root.joinpath(*parts).with_suffix(".txt")


def _chosen(folder: YoloFolder, split: str) -> list[Path]:
    """The pictures of a split. Raises UserError if there is no such split."""
    if not folder.splits or set(folder.splits) == {splits.TRAIN}:
        pictures = _pictures(folder, splits.TRAIN) if folder.splits else walk.pictures(folder.root)
        roles = {path: _role(path, folder.root) for path in pictures}
        if not folder.splits and any(roles.values()):
            for role in splits.asked(split):
                if role in roles.values():
                    return [path for path in pictures if roles[path] == role]
            raise UnreadableFile(f"{folder.root} has no folder for {split!r}.")
        by_name = {path.relative_to(folder.root).as_posix(): path for path in pictures}
        return list(split_by_fifths(folder.root, by_name, split).values())
    there = [role for role in splits.asked(split) if role in folder.splits]
    for role in there:
        if role != there[-1] and not any(_exists(folder, entry) for entry in folder.splits[role]):
            messages.once(f"{folder.path}: {SPLITS[role]} ({folder.splits[role][0]}) does not exist and is not used.")
            continue
        return _pictures(folder, role)
    raise UnreadableFile(f"{folder.path} names no pictures for {split!r}: it has {', '.join(folder.splits)}.")


def _role(path: Path, root: Path) -> str | None:
    return next((role for part in path.relative_to(root).parts[:-1] if (role := splits.role(part))), None)


def open_yolo(folder: YoloFolder, split: str, target: str) -> Source:
    """The pictures of a split with boxes, or with masks made from polygons.

    The box of a line with a polygon is the polygon's. Pictures whose label file is empty or missing show no objects.
    Class 0 of a mask is the background.

    Raises:
      UserError: there is no such split, a named file is missing, no picture has a label file, or a line is wrong.
    """
    pictures = _chosen(folder, split)
    files = [label_file(path, folder.root) for path in pictures]
    without = [path for path, file in zip(pictures, files, strict=True) if not file.is_file()]
    if len(without) == len(pictures):
        raise UnreadableFile(
            f"{pictures[0]} has no label file {files[0]}, and no other picture of {folder.path} has one."
        )
    if without:
        messages.once(f"{len(without)} pictures have no label file, such as {without[0]}: they show no objects.")
    objects = [read_labels(file, folder.names, folder.keypoints) for file in files]
    names = folder.names if target == "boxes" else (BACKGROUND, *folder.names)
    if target == "mask" and (folder.names[0].lower() == BACKGROUND or len(names) >= VOID):
        raise UnreadableFile(
            f"{folder.path}: a mask has 0 for the background, so no class of polygons may be called so."
        )

    def read_boxes(number: int) -> Sample:
        rows = objects[number]
        return Sample(
            contents(pictures[number]), boxes=[r.box for r in rows], classes=[r.number for r in rows], fractions=True
        )

    def read_mask(number: int) -> Sample:
        boxes = [row for row in objects[number] if row.polygon is None]
        if boxes:
            raise UnreadableFile(f"{files[number]} has a box, and a mask needs polygons (class x1 y1 x2 y2 x3 y3 ...).")
        outlines = [Outline(1 + row.number, [row.polygon]) for row in objects[number]]
        return Sample(contents(pictures[number]), mask=Outlines(outlines, fractions=True))

    return Source(
        names=names,
        count=len(pictures),
        read=read_boxes if target == "boxes" else read_mask,
        where=lambda number: str(files[number]),
        fingerprint=lambda: digest(folder.root, names, list(zip(pictures, objects, strict=True))),
        files=pictures,
        most_boxes=max(map(len, objects), default=0) or 1,
    )
