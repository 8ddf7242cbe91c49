"""Annotation formats that are recognised but not read: what to export or convert instead."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import walk
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import MAX_ANNOTATIONS, open_regular, read_json

EXPORT = "export COCO, YOLO or PASCAL VOC instead"
FILES_TRIED = 3  # JSON files and tables of a folder that are looked at
HEAD = 4096  # bytes of a text file that are looked at
KITTI = re.compile(r"\w+ -?[\d.]+ -?\d+( -?[\d.]+){12}")
DOTA = re.compile(r"(-?[\d.]+ ){8}\S+ [0-2]\s")


def advice(folder: Path) -> str:
    """A sentence about annotations in another format, with a space before it; "" if there are none.

    >>> advice(Path("folder_of_pictures_alone"))
    ''
    """
    for path in walk.files(folder, ".json")[:FILES_TRIED]:
        try:
            program = _program(read_json(path, MAX_ANNOTATIONS))
        except (UserError, OSError):
            continue
        if program:
            return f" {path} was written by {program}."
    for path in walk.files(folder, ".csv", ".txt")[:FILES_TRIED]:
        if form := _form_of_text(path):
            return f" {path} has {form}: {EXPORT}."
    records = walk.files(folder, ".tfrecord", ".tfrecords")
    return f" {records[0]} is a TFRecord file: {EXPORT}." if records else ""


def _program(content: Any) -> str:
    """The program that wrote a JSON file, and what to do; "" if it is unknown."""
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        if {"image", "annotations"} <= set(content[0]):
            return f"CreateML: {EXPORT}"
        return f"Label Studio: {EXPORT}" if {"annotations", "data"} <= set(content[0]) else ""
    if not isinstance(content, Mapping):
        return ""
    if {"shapes", "imagePath"} <= set(content):
        return "labelme: convert the folder with labelme2coco.py or labelme2voc.py of labelme"
    if {"categories", "items"} <= set(content):
        return f"datumaro: {EXPORT}"
    if {"size", "objects"} <= set(content):
        return f"Supervisely: {EXPORT}"
    rows = content.get("_via_img_metadata", content)
    first = next(iter(rows.values()), None) if isinstance(rows, Mapping) else None
    return "the VGG Image Annotator: export COCO from it" if isinstance(first, Mapping) and "regions" in first else ""


def _form_of_text(path: Path) -> str:
    try:
        with open_regular(path) as file:
            text = file.read(HEAD).decode("utf-8-sig", "replace").lower()
    except (UserError, OSError):
        return ""
    columns = {cell.strip() for cell in text.split("\n", 1)[0].split(",")}
    if columns >= {"xmin", "ymin", "xmax", "ymax"}:
        return "boxes in the columns of a table"
    if KITTI.match(text):
        return "boxes in KITTI's format"
    return "rotated boxes in DOTA's format" if DOTA.match(text) else ""
