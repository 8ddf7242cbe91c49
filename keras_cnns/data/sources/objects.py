"""A name becomes pictures with boxes or masks: scenes that are drawn, folders of one's own, tensorflow-datasets."""

from functools import lru_cache
from pathlib import Path

from keras_cnns.data.sources import coco, masks, shapes, voc, walk
from keras_cnns.data.sources.by_name import FOLDER
from keras_cnns.data.sources.scene import GROUND, Located
from keras_cnns.data.sources.tfds_objects import open_tfds
from keras_cnns.support.errors import UserError

KEPT = 6000  # scenes that are drawn once and kept, 64 kB each at 128 pixels


def open_located(name, split, targets, *, data_dir=None, download=False):
    """The pictures of a data set with their boxes ("boxes") or masks ("mask"), a `Located`.

    name: "scenes"; "folder:PATH" in the form of COCO (a JSON file), of PASCAL VOC (XML files) or of pairs of folders
      (images and masks); or a name of tensorflow-datasets ("voc/2007", "coco/2017").

    Raises:
      UserError: there is no such data set or split, or it does not have that; a file that cannot be.
    """
    if name == shapes.NAME:
        return _scenes(name, split, targets)
    if str(name).startswith(FOLDER):
        return _folder(Path(str(name)[len(FOLDER) :]).expanduser(), split, targets)
    if Path(str(name)).is_dir():
        raise UserError(f"{name} is a folder: write {FOLDER}{name}.")
    return open_tfds(name, split, targets, data_dir=data_dir, download=download)


def _scenes(name, split, targets):
    if split not in shapes.COUNTS:
        raise UserError(f"{name} has no split {split!r}: it has {', '.join(shapes.COUNTS)}.")
    names = tuple(str(digit) for digit in range(shapes.CLASSES))
    names = (GROUND, *names) if targets == "mask" else names
    return Located(names, shapes.COUNTS[split], shapes.MOST, lambda number, size: _scene(number, split, size))


_scene = lru_cache(maxsize=KEPT)(shapes.scene)


def _folder(folder, split, targets):
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}.")
    within = [other for other in walk.folders(folder) if voc.is_voc(other)]
    if within and not voc.is_voc(folder):
        raise UserError(f"{folder} holds PASCAL VOC's {within[0].name}: give {FOLDER}{within[0]}.")
    if targets == "mask":
        if voc.is_voc(folder) and (folder / voc.MASKS).is_dir():
            return voc.open_masks(folder, split)
        if masks.folders(folder):
            return masks.open_masks(folder, split)
        raise UserError(f"{folder} has no masks: it needs two folders, images and masks, with files of the same names.")
    if coco.notes_in(folder):
        return coco.open_boxes(folder, split)
    if any(folder.rglob("*.xml")):
        return voc.open_boxes(folder, split)
    raise UserError(f"{folder} has no boxes: it needs a JSON file in COCO's form, or an XML file for each picture.")
