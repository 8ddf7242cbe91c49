"""The names of classes: the files that list them, and the checks of such a list."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cnns.data.sources.sample import VOID
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import parse_json, read_text, utf8

# Files with a list of classes in annotation programs: one name a line; labelmap.txt (CVAT, datumaro) has colours.
NAME_FILES = (
    *("classes.txt", "class_names.txt", "labelmap.txt", "labels.txt", "classes.json", "obj.names"),
    *("predefined_classes.txt",),
)
BACKGROUNDS = {"background", "_background_", "__background__"}  # names that programs give to class 0 of a mask
LABELMAP_LINE = re.compile(r"(?P<name>.+?):(?P<colour>\d{1,3},\d{1,3},\d{1,3})?:[^:]*:[^:]*")
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ClassList:
    """The classes that a file lists.

    Attributes:
      path: the file.
      names: the names, in the file's order.
      colours: the colour (red, green, blue) of each class in a mask; None if the file states no colours.
    """

    path: Path
    names: tuple[str, ...]
    colours: tuple[Colour, ...] | None = None


def class_list(folder: Path, *, colours: bool = False) -> ClassList | None:
    """The list of classes in a folder; None if it has no list.

    colours: whether to prefer a list with colours.

    Raises:
      UserError: the file cannot be read, is empty, or has a name twice.
    """
    lists = [read_list(folder / name) for name in NAME_FILES if (folder / name).is_file()]
    if colours:
        lists.sort(key=lambda names: names.colours is None)
    return lists[0] if lists else None


def read_list(path: Path, *, least: int = 1) -> ClassList:
    """The classes that a file lists: one name a line, a JSON list of names, or a labelmap.txt.

    Raises:
      UserError: the file cannot be read, or has fewer than `least` names, more than a mask can hold, or a name twice.
    """
    try:
        text = read_text(path)
        lines = parse_json(text) if path.suffix == ".json" else [x.strip() for x in text.splitlines() if x.strip()]
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"cannot read the names of classes in {path}: {error}.") from error
    colours = None
    if isinstance(lines, list) and path.suffix != ".json":
        lines, colours = _without_colours(lines, path)
    if not isinstance(lines, list) or not least <= len(set(map(str, lines))) == len(lines) < VOID:
        raise UnreadableFile(f"{path} needs a list of {least} to {VOID - 1} different names.")
    return ClassList(path, tuple(map(one_line, lines)), colours)


def _without_colours(lines: list[str], path: Path) -> tuple[list[str], tuple[Colour, ...] | None]:
    """(names, colours or None) from the lines of a list. In a labelmap.txt, `#` starts a comment."""
    rows = [LABELMAP_LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    if not rows or not all(rows):
        return lines, None
    names = [row["name"].strip() for row in rows if row]
    texts = [row["colour"] for row in rows if row]
    colours = [tuple(int(value) for value in text.split(",")) for text in texts if text]
    if len(colours) < len(names):  # datumaro's, whose masks then have PASCAL VOC's colours
        colours = [voc_colour(number) for number in range(len(names))]
    if max(map(max, colours)) > 255 or len(set(colours)) < len(colours):
        raise UnreadableFile(f"{path} needs a different colour for each class, three numbers from 0 to 255.")
    return names, tuple(colours)  # type: ignore[arg-type]


def voc_colour(number: int) -> Colour:
    """The colour of a class in PASCAL VOC's masks: black, dark red, dark green, olive ...

    Three bits of the number at a time are the next lower bits of red, green and blue.
    """
    colour = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            colour[channel] |= (number >> (3 * place + channel) & 1) << (7 - place)
    return colour[0], colour[1], colour[2]


def one_line(name: Any) -> str:
    """A class name on one line, in UTF-8: line breaks, which would shift a file of names, become spaces."""
    text = utf8(str(name))
    return " ".join(text.split()) if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", text) else text.strip()
