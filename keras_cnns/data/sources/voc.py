"""Boxes and masks in the form of PASCAL VOC: an XML file for each picture, lists for the splits, masks with a palette.

Other folders need the XML files alone, beside the pictures or in a folder of their own.
"""

from collections import defaultdict
from pathlib import Path

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import check_pixels, contents, digest, names_in, one_picture, split_by_fifths
from keras_cnns.data.sources.masks import source_of_pairs
from keras_cnns.data.sources.sample import BACKGROUND, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import read_text, read_xml

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
XML, PICTURES, MASKS, LISTS = "Annotations", "JPEGImages", "SegmentationClass", "ImageSets"
SIDES = ("xmin", "ymin", "xmax", "ymax")
MASK_FOLDERS = {"segmentationclass", "segmentationobject", "segmentationclassraw", "segmentationclassaug", "masks"}
DIFFICULT = {"0": False, "false": False, "": False, "1": True, "true": True}


def is_voc(folder: Path) -> bool:
    """Whether the folder has the layout of PASCAL VOC."""
    return (folder / XML).is_dir() or (folder / PICTURES).is_dir() and (folder / MASKS).is_dir()


def open_boxes(folder: Path, split: str) -> Source:
    """The pictures of a folder with XML files.

    Raises:
      UserError: an XML file cannot be read or has no picture; there is no such split.
    """
    notes = _by_stem(sorted(Path(folder).rglob("*.xml")))
    everything = {stem: _parsed(path) for stem, path in notes.items()}
    parsed = {stem: everything[stem] for stem in _chosen(folder, "Main", notes, split)}
    names = _names(folder, notes, everything)
    shifted = [box for _, objects in everything.values() for _, box, _ in objects]
    check_pixels(folder, [(x1 + 1, y1 + 1, x2, y2) for x1, y1, x2, y2 in shifted])
    pictures = _pictures(folder)
    missing = [stem for stem in parsed if stem not in pictures]
    if missing:
        raise UserError(f"{notes[missing[0]]} has no picture ({len(missing)} such files): add it, or remove the file.")
    alone = sorted(set(pictures) - set(notes))
    if alone:
        messages.once(
            f"{len(alone)} pictures in {folder} have no XML file and are left out, such as {pictures[alone[0]][0]}."
        )
    pictures = {stem: one_picture(paths, notes[stem]) for stem, paths in pictures.items() if stem in notes}
    stems = list(parsed)

    def read(number):
        stem = stems[number]
        stated, objects = parsed[stem]
        return Sample(
            picture=contents(pictures[stem]),
            boxes=[box for _, box, _ in objects],
            classes=[names.index(label) for label, *_ in objects],
            ignored=[difficult for *_, difficult in objects],
            size=stated,
        )

    return Source(
        names=names,
        count=len(stems),
        read=read,
        where=lambda number: str(notes[stems[number]]),
        fingerprint=lambda: digest(folder, names, [(pictures[stem], parsed[stem][1]) for stem in stems]),
        files=[pictures[stem] for stem in stems],
        most_boxes=max((len(objects) for _, objects in parsed.values()), default=0) or 1,
    )


def _names(folder, notes, everything):
    """The names in `classes.txt`, if there is one; else VOC's, if the files use no others; else all that they use."""
    met = {label: stem for stem, (_, objects) in everything.items() for label, *_ in objects}
    listed = folder / "classes.txt"
    if listed.is_file():
        names = names_in(listed)
        unknown = sorted(set(met) - set(names))
        if unknown:
            raise UserError(f"{notes[met[unknown[0]]]} has the class {unknown[0]!r}, which is not in {listed}.")
        return names
    if set(met) <= set(CLASSES):
        return CLASSES
    others = sorted(set(met) - set(CLASSES))
    if len(others) < len(met):
        messages.once(
            f"{notes[met[others[0]]]} has the class {others[0]!r}, which is not PASCAL VOC's: the classes are the "
            f"{len(met)} that {folder} uses; list the right ones in {listed} if some are mistakes."
        )
    return tuple(sorted(met))


def _pictures(folder):
    """{stem: the pictures of that name}; in VOC's layout only those in its folder of pictures, not its masks."""
    where, pictures = folder / PICTURES, defaultdict(list)
    for path in walk.pictures(where if where.is_dir() else folder):
        if not MASK_FOLDERS & {part.lower() for part in path.relative_to(folder).parts[:-1]}:
            pictures[path.stem].append(path)
    return pictures


def _by_stem(paths):
    by_stem = {path.stem: path for path in paths}
    if len(by_stem) < len(paths):
        twice = next(path for path in paths if by_stem[path.stem] != path)
        raise UserError(f"{twice} and {by_stem[twice.stem]} have the same name: give each picture its own.")
    return by_stem


def open_masks(folder: Path, split: str) -> Source:
    """VOC's pictures with masks: 0 the background, 1 .. 20 the classes, 255 void."""
    masks = {path.stem: path for path in walk.pictures(folder / MASKS)}
    pictures = _pictures(folder)
    stems = [stem for stem in _chosen(folder, "Segmentation", masks, split) if stem in masks]
    missing = [stem for stem in stems if stem not in pictures]
    if missing:
        raise UserError(f"{masks[missing[0]]} has no picture in {folder / PICTURES}.")
    pictures = {stem: one_picture(pictures[stem], masks[stem]) for stem in stems}
    names = (BACKGROUND, *CLASSES)
    return source_of_pairs(folder, names, [pictures[stem] for stem in stems], [masks[stem] for stem in stems])


def _chosen(folder, task, files, split):
    """The files of a split: by VOC's lists, by folders named after splits, or with neither, every fifth for test."""
    lists = {path.stem: path for path in sorted((folder / LISTS / task).glob("*.txt")) if "_" not in path.stem}
    for role in splits.asked(split):
        for stem, path in lists.items():
            if splits.role(stem) == role or (role == splits.TRAIN and stem == "trainval" and "val" not in lists):
                wanted = _listed(path)
                absent = [stem for stem in wanted if stem not in files]
                if absent:
                    raise UserError(f"{path} names {absent[0]}, of which there is no file ({len(absent)} such names).")
                return {stem: files[stem] for stem in wanted}
    roles = {stem: _role(path, folder) for stem, path in files.items()}
    if not lists and any(roles.values()):
        for role in splits.asked(split):
            if role in roles.values():
                return {stem: path for stem, path in files.items() if roles[stem] == role}
        raise UserError(f"{folder} has no folder for {split!r}.")
    if lists:
        raise UserError(f"{folder} has no list for {split!r}: it has {', '.join(lists)}.")
    return split_by_fifths(folder, files, split)


def _role(path, folder):
    return next((role for part in path.relative_to(folder).parts[:-1] if (role := splits.role(part))), None)


def _listed(path):
    """The names in one of VOC's lists. Each may be followed by 1 or -1, whether the picture shows a class."""
    try:
        return [line.split()[0] for line in read_text(path).splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the list {path}: {error}.") from error


def _parsed(path):
    """((height, width) or None, [(class, box, difficult)]) of an XML file; VOC's pixels count from 1."""
    try:
        root = read_xml(path)
        if root.tag != "annotation":
            raise ValueError(f"it is a file of {root.tag!r}, and VOC's are of 'annotation'")
        objects = [_object(element) for element in root.iter("object")]
        size = tuple(int(_number(root, f"size/{side}", "0")) for side in ("height", "width"))
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(f"cannot read {path} as VOC's XML: {error}.") from error
    return size if all(size) else None, objects


def _object(element):
    name, difficult = (" ".join((element.findtext(part) or "").split()) for part in ("name", "difficult"))
    if not name:
        raise ValueError("an object has no name")
    if difficult.lower() not in DIFFICULT:
        raise ValueError(f"the object {name!r} has difficult {difficult!r}, and it must be 0 or 1")
    box = [_number(element, f"bndbox/{side}") - (side in ("xmin", "ymin")) for side in SIDES]
    return name, box, DIFFICULT[difficult.lower()]


def _number(element, path, default=None):
    text = element.findtext(path, default)
    try:
        return float(text)
    except (TypeError, ValueError):
        raise ValueError(f"an {element.tag} has {path} {text!r}, and it must be a number") from None
