"""YOLO's format: a data.yaml with the classes and the splits, pictures, and a label file for each picture.

The rules are those of Ultralytics (ultralytics/data/utils.py): the label file of images/train/a.jpg is
labels/train/a.txt; a picture outside of folders called images has its label file beside it.
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import contents, digest, note_shared, split_by_fifths
from keras_cnns.data.sources.outlines import Outline, Outlines
from keras_cnns.data.sources.sample import BACKGROUND, VOID, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.data.sources.yolo_folder import ABSOLUTE, IMAGES, LABELS, SPLITS, YoloFolder
from keras_cnns.data.sources.yolo_labels import read_labels
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.support.untrusted import inside, read_text


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
    plain = entry.replace("\\", "/")
    if folder.stated and plain.startswith(f"{folder.stated}/"):
        readings.insert(0, plain.removeprefix(f"{folder.stated}/"))
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
    advice = f" Write paths relative to {folder.base}." if ABSOLUTE.match(entry) else ""
    raise UnreadableFile(f"{folder.path} names {entry!r}, which is not in {folder.root}.{advice}")


def _listed(folder: YoloFolder, path: Path) -> list[Path]:
    try:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error}).") from None
    base = replace(folder, path=path)
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
        roles = {path: splits.role_of_folders(path, folder.root) for path in pictures}
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
        pictures = _pictures(folder, role)
        if role != splits.TRAIN and splits.TRAIN in folder.splits:
            with suppress(UserError):  # the training pictures are not needed here
                note_shared(folder.path, split, pictures, _pictures(folder, splits.TRAIN))
        return pictures
    raise UnreadableFile(f"{folder.path} names no pictures for {split!r}: it has {', '.join(folder.splits)}.")


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
    if target == "mask" and folder.names[0].lower() == BACKGROUND:
        raise UnreadableFile(f"{folder.path}: class 0 of a mask is the background: rename {folder.names[0]!r}.")
    if target == "mask" and len(names) >= VOID:
        raise UnreadableFile(f"{folder.path} has {len(folder.names)} classes, and a mask holds {VOID - 2} at most.")

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
