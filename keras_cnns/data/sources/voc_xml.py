"""PASCAL VOC's XML files: the objects of one picture, and whether their pixels are counted from 0 or from 1."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from keras_cnns.data.sources import walk
from keras_cnns.data.sources.files import check_pixels
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_text, read_xml

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)  # PASCAL VOC's own
SIDES = ("xmin", "ymin", "xmax", "ymax")
DIFFICULT = {"0": False, "false": False, "": False, "1": True, "true": True}
FIRST_PIXEL = "first_pixel.txt"  # a file that contains 0 or 1, for folders whose boxes do not show it
PASCALS_STEM = re.compile(r"(\d{4}_)?\d{6}")  # 000012 in 2007, 2008_000012 later
PASCALS_DATABASE = re.compile(r"The VOC\s?20\d\d Database")


@dataclass(frozen=True)
class BoxedObject:
    """An annotated object of a picture.

    Attributes:
      name: its class.
      sides: (left, top, right, bottom) as in the XML file.
      difficult: the flag of that name.
      fractional: whether any of the four sides is written with a decimal point.
    """

    name: str
    sides: tuple[float, float, float, float]
    difficult: bool
    fractional: bool = False


@dataclass(frozen=True)
class Annotation:
    """The content of an XML file. size: the stated (height, width), or None. database, owner: the stated source."""

    size: tuple[int, int] | None
    objects: tuple[BoxedObject, ...]
    database: str = ""
    owner: str = ""


class OtherXml(UnreadableFile):
    """The error of an XML file in another format."""


def parsed_in(folder: Path, pictures: Iterable[Path]) -> dict[Path, Annotation]:
    """{file: its content} of the XML files of a folder.

    If some are VOC's, those in other formats that have no picture of their name are skipped, with a note.

    Raises:
      UserError: a file cannot be read, or is not in VOC's format.
    """
    stems = {path.stem for path in pictures}
    annotations, others = {}, []
    for path in walk.files(folder, ".xml"):
        try:
            annotations[path] = parsed(path)
        except OtherXml as error:
            if path.stem in stems:
                raise
            others.append(error)
    if others and not annotations:
        raise others[0]
    for fault in others:
        messages.once(f"skipped: {fault}")
    return annotations


def parsed(path: Path) -> Annotation:
    """The content of an XML file. Raises UserError if it cannot be read or is not an annotation in VOC's format."""
    try:
        root = read_xml(path)
        if root.tag != "annotation":
            advice = " Export COCO or PASCAL VOC from CVAT." if root.tag == "annotations" else ""
            raise OtherXml(
                f"cannot read {path} as VOC's XML: it is a file of {root.tag!r}, and VOC's are of 'annotation'.{advice}"
            )
        objects = tuple(_object(element) for element in root.iter("object"))
        height, width = (int(_number(root, f"size/{side}", "0")) for side in ("height", "width"))
    except OtherXml:
        raise
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableFile(f"cannot read {path} as VOC's XML: {error}.") from error
    database, owner = ((root.findtext(path) or "").strip() for path in ("source/database", "owner/name"))
    return Annotation((height, width) if height and width else None, objects, database, owner)


def _object(element: Element) -> BoxedObject:
    name, difficult = (" ".join((element.findtext(part) or "").split()) for part in ("name", "difficult"))
    if not name:
        raise ValueError("an object has no name")
    if difficult.lower() not in DIFFICULT:
        raise ValueError(f"the object {name!r} has difficult {difficult!r}, and it must be 0 or 1")
    if element.find("bndbox") is None:
        shape = next((part for part in ("robndbox", "polygon") if element.find(part) is not None), "")
        raise ValueError(
            f"the object {name!r} has no bndbox{f', but a {shape}: export upright boxes' if shape else ''}"
        )
    x1, y1, x2, y2 = (_number(element, f"bndbox/{side}") for side in SIDES)
    fractional = any("." in (element.findtext(f"bndbox/{side}") or "") for side in SIDES)
    return BoxedObject(name, (x1, y1, x2, y2), DIFFICULT[difficult.lower()], fractional)


def _number(element: Element, path: str, default: str | None = None) -> float:
    text = element.findtext(path, default)
    try:
        return float(text)  # type: ignore[arg-type]  # a TypeError without the element
    except (TypeError, ValueError):
        raise ValueError(f"an {element.tag} has {path} {text!r}, and it must be a number") from None


def is_pascals(annotations: Mapping[Path, Annotation]) -> bool:
    """Whether these are PASCAL VOC's own files, judged by their names and the source that they state."""
    return bool(annotations) and all(
        PASCALS_STEM.fullmatch(path.stem) and PASCALS_DATABASE.match(annotation.database)
        for path, annotation in annotations.items()
    )


def first_pixel(folder: Path, annotations: Mapping[Path, Annotation]) -> int:
    """1 if the boxes of a folder count pixels from 1, as PASCAL's own do, 0 if from 0, as most programs write them.

    The file `first_pixel.txt` decides. Without it, the answer is 0 if any side in the folder is 0 or has a decimal
    point, or if the files name Label Studio; otherwise 1 is assumed, with a note. PASCAL's own files count from 1,
    although a few of their sides are fractions.

    Raises:
      UserError: `first_pixel.txt` is neither 0 nor 1; all boxes are fractions of the picture.
    """
    path = folder / FIRST_PIXEL
    if path.is_file():
        text = read_text(path).strip()
        if text not in ("0", "1"):
            raise UnreadableFile(f"{path} contains {text[:20]!r}: write 0 or 1, the number of the first pixel.")
        return int(text)
    objects = [item for annotation in annotations.values() for item in annotation.objects]
    check_pixels(folder, [item.sides for item in objects])
    pascals = is_pascals(annotations)
    if any(0 <= item.sides[n] < 1 or (item.fractional and not pascals) for item in objects for n in (0, 1)):
        return 0
    if any(annotation.owner == "Label Studio" for annotation in annotations.values()):
        return 0
    if objects and not pascals:
        messages.once(
            f"{folder}: no box shows whether pixels are counted from 0 or from 1, so they are assumed to start at 1 as "
            f"in PASCAL VOC. Write 0 into {path} if the program that wrote the XML files counts from 0."
        )
    return 1
