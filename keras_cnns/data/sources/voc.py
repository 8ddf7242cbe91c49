"""PASCAL VOC's form: pictures with an XML file each, split by lists of names, and masks whose colours are labels.

A folder of one's own needs the XML files alone: beside the pictures, or in a folder beside theirs.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import array_of, mask_of, split_by_fifths
from keras_cnns.data.sources.scene import GROUND, Located, Scene, checked
from keras_cnns.errors import UserError

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
XML, PICTURES, MASKS, LISTS = "Annotations", "JPEGImages", "SegmentationClass", "ImageSets"


def is_voc(folder):
    """Whether the folder is laid out as VOC's."""
    return (folder / XML).is_dir() or (folder / PICTURES).is_dir() and (folder / MASKS).is_dir()


def open_boxes(folder, split):
    """The pictures of a folder with XML files. Raises UserError: see `_read`; no split of that name."""
    notes = {path.stem: path for path in sorted(Path(folder).rglob("*.xml"))}
    parsed = {stem: _parsed(path) for stem, path in _chosen(folder, "Main", notes, split).items()}
    every = {label for path in notes.values() for label, *_ in _parsed(path)[1]}
    names = CLASSES if every <= set(CLASSES) else tuple(sorted(every))
    pictures = {path.stem: path for path in walk.pictures(folder) if MASKS not in path.parts}
    missing = [stem for stem in parsed if stem not in pictures]
    if missing:
        raise UserError(
            f"{notes[missing[0]]} has no picture ({len(missing)} such files): bring it or take the file out."
        )
    stems = list(parsed)

    def read(number, size):
        stem = stems[number]
        image = array_of(pictures[stem])
        said, objects = parsed[stem]
        if said and said != image.shape[:2]:
            raise UserError(f"{notes[stem]} is about a picture of {said[1]} x {said[0]}: {pictures[stem]} is another.")
        boxes, there = checked([box for _, box, _ in objects], image.shape[:2], notes[stem])
        labels = np.array([names.index(label) for label, *_ in objects], "int64")[there]
        difficult = np.array([flag for *_, flag in objects], bool)[there]
        return Scene(image, boxes[there], labels, None, difficult, np.zeros(len(labels), bool))

    most = max((len(objects) for _, objects in parsed.values()), default=0)
    return Located(names, len(stems), max(most, 1), read)


def open_masks(folder, split):
    """VOC's pictures with masks: 0 the ground, 1 .. 20 the classes, 255 void."""
    masks = {path.stem: path for path in walk.pictures(folder / MASKS)}
    pictures = {path.stem: path for path in walk.pictures(folder / PICTURES)}
    stems = [stem for stem in _chosen(folder, "Segmentation", masks, split) if stem in masks]
    missing = [stem for stem in stems if stem not in pictures]
    if missing:
        raise UserError(f"{masks[missing[0]]} has no picture in {folder / PICTURES}.")
    names = (GROUND, *CLASSES)

    def read(number, size):
        image = array_of(pictures[stems[number]])
        mask = mask_of(masks[stems[number]], image.shape[:2], len(names))
        return Scene(image, np.zeros((0, 4), "float32"), np.zeros(0, "int64"), mask)

    return Located(names, len(stems), 1, read)


def _chosen(folder, task, files, split):
    """The files of a split: by VOC's lists, by folders called so, or, where there are neither, every fifth for test."""
    lists = {path.stem: path for path in sorted((folder / LISTS / task).glob("*.txt")) if "_" not in path.stem}
    for role in splits.asked(split):
        for stem, path in lists.items():
            if splits.role(stem) == role or (role == splits.TRAIN and stem == "trainval" and "val" not in lists):
                wanted = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
                absent = [stem for stem in wanted if stem not in files]
                if absent:
                    raise UserError(f"{path} names {absent[0]}, of which there is no file ({len(absent)} such names).")
                return {stem: files[stem] for stem in wanted}
    if lists:
        raise UserError(f"{folder} has no list for {split!r}: it has {', '.join(lists)}.")
    return split_by_fifths(folder, files, split)


def _parsed(path):
    """((height, width) or None, [(class, box, difficult)]) of an XML file; VOC's pixels count from 1."""
    try:
        root = ElementTree.parse(path).getroot()
        objects = [
            (
                found.findtext("name", "").strip(),
                [float(found.findtext(f"bndbox/{side}")) - (side in ("xmin", "ymin")) for side in SIDES],
                (found.findtext("difficult") or "0").strip() not in ("0", "false", "False"),
            )
            for found in root.iter("object")
        ]
        size = [int(root.findtext(f"size/{side}", "0")) for side in ("height", "width")]
    except (ElementTree.ParseError, TypeError, ValueError, OSError) as error:
        raise UserError(f"cannot read {path} as VOC's XML: {error}.") from error
    return tuple(size) if all(size) else None, objects


SIDES = ("xmin", "ymin", "xmax", "ymax")
