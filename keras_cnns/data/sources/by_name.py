"""Opens a data set by its name: drawn scenes, folders, tensorflow-datasets."""

import os
from pathlib import Path
from typing import Any, Literal, get_args

from keras_cnns.data.sources import (
    coco,
    coco_json,
    folder,
    masks,
    other_formats,
    shapes,
    tfds,
    tfds_objects,
    voc,
    walk,
    yolo,
    yolo_folder,
)
from keras_cnns.data.sources.files import check_names
from keras_cnns.data.sources.source import Source
from keras_cnns.support import messages
from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.validation import short

FOLDER = "folder:"
Target = Literal["label", "labels", "boxes", "mask"]
TARGETS = get_args(Target)


def open_source(
    name: Any,
    split: str,
    target: Target = "label",
    *,
    size: tuple[int, int] | None = None,
    data_dir: Any = None,
    download: bool = False,
    limit: int | None = None,
) -> Source:
    """The samples of one split of a data set.

    Args:
      name: one of these:
        - a name of tensorflow-datasets ("digits", "voc/2007", "coco/2017");
        - "folder:PATH". Labels: a folder for each class, or a table (`folder.py`). Boxes: the format of COCO (JSON),
          YOLO (data.yaml) or PASCAL VOC (XML files). Masks: a pair of folders (images, masks), the format of
          PASCAL VOC or Roboflow, or polygons in the format of COCO or YOLO;
        - "scenes": drawn pictures with boxes and masks.
      split: "train", "test", or a split of the data set.
      target: what comes with each picture: "label", "labels" (any number, from a table in a folder), "boxes" or "mask".
      size: (height, width) at which scenes are drawn; other pictures keep their own size.
      data_dir: the folder of tensorflow-datasets.
      download: whether to download a data set that is missing.
      limit: largest number of samples; they are spread evenly.

    Raises:
      UserError: the data set or split does not exist, does not have the target, or has a file that cannot be used.
    """
    if not isinstance(name, str | Path) or not str(name):
        raise UnreadableFile(f"the data set is {short(name)}: give its name in tensorflow-datasets, or {FOLDER}PATH.")
    if not isinstance(target, str) or target not in TARGETS:
        raise BadArgument(f"there is no target {short(target)}: choose from {', '.join(TARGETS)}.")
    name = str(name)
    if name == shapes.NAME and target != "label":
        source = shapes.open_scenes(split, target, size or shapes.SIZE)
    elif name.startswith(FOLDER):
        path = name.removeprefix(FOLDER)
        labelled = target in ("label", "labels")
        source = folder.open_folder(path, split, target == "labels") if labelled else _annotated(path, split, target)
        check_names(path, source.names)
    elif os.path.isdir(name):
        raise UnreadableFile(f"{name} is a folder: write {FOLDER}{name}.")
    elif target == "labels":
        raise BadArgument(f"several labels for a picture are read from a folder with a table: give {FOLDER}PATH.")
    elif target == "label":
        source = tfds.open_tfds(name, split, data_dir=data_dir, download=download)
    else:
        source = tfds_objects.open_tfds(name, split, target, data_dir=data_dir, download=download)
    if not source.count:
        raise UnreadableFile(f"{name} has no pictures in its split {split!r}.")
    return source.limited(limit)


def _annotated(path: str, split: str, target: Target) -> Source:
    """The pictures of a folder with boxes or masks, in any of the supported formats."""
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UnreadableFile(f"there is no folder {root}.")
    inner = [other for other in walk.folders(root) if voc.is_voc(other)]
    if inner and not voc.is_voc(root):
        raise UnreadableFile(f"{root} holds PASCAL VOC's {inner[0].name}: give {FOLDER}{inner[0]}.")
    return _masks(root, split) if target == "mask" else _boxes(root, split)


def _boxes(root: Path, split: str) -> Source:
    described = yolo_folder.describe(root)
    xml = walk.files(root, ".xml")
    files = coco_json.annotation_files(root, alone=not (described or xml))
    forms = [name for name, there in (("COCO's JSON", files), ("YOLO's labels", described), ("XML", xml)) if there]
    if len(forms) > 1:
        messages.once(f"{root} has boxes in several formats, {' and '.join(forms)}: {forms[0]} is read.")
    if files:
        return coco.open_boxes(root, split, files)
    if described:
        return yolo.open_yolo(described, split, "boxes")
    if xml:
        return voc.open_boxes(root, split)
    if yolo_folder.has_labels(root):
        raise UnreadableFile(
            f"{root} has YOLO's label files without names of classes: write the names into {root / 'classes.txt'}, "
            "one a line."
        )
    raise UnreadableFile(
        f"{root} has no boxes: it needs a JSON file in COCO's format, YOLO's data.yaml, or an XML file for each "
        f"picture.{other_formats.advice(root)}"
    )


def _masks(root: Path, split: str) -> Source:
    if voc.is_voc(root) and (root / voc.MASKS).is_dir():
        return voc.open_masks(root, split)
    if masks.folders(root):
        return masks.open_masks(root, split)
    if lists := masks.roboflow_lists(root):
        return masks.open_roboflow(root, split, lists)
    described = yolo_folder.describe(root)
    files = coco_json.annotation_files(root, alone=not described)
    if coco.has_outlines(files):
        return coco.open_masks(root, split, files)
    if described:
        return yolo.open_yolo(described, split, "mask")
    for path in files:
        coco_json.check_not_panoptic(path, coco_json.content(path))
    raise UnreadableFile(
        f"{root} has no masks: it needs two folders, images and masks, with files of the same names, or polygons or "
        "run lengths in COCO's JSON, or polygons in YOLO's format."
        f"{other_formats.advice(root)}"
    )
