"""PASCAL VOC's folders: assigns XML files and masks to pictures, and reads the lists that select them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import note_shared, one_picture, split_by_fifths
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_text

XML, PICTURES, MASKS, LISTS = "Annotations", "JPEGImages", "SegmentationClass", "ImageSets"
MASK_FOLDERS = {"segmentationclass", "segmentationobject", "segmentationclassraw", "segmentationclassaug", "masks"}
# Folders of files of one kind: they do not distinguish two pictures of the same name.
KINDS = {"annotations", "annotation", "jpegimages", "images", "image", "imgs", "img", "labels", "xml", "xmls", "annots"}
KINDS |= MASK_FOLDERS
FLAGS = ("-1", "0", "1")  # after a name in VOC's lists of one class: whether the picture shows that class
FILES = (".xml", ".png")  # of annotations
Item = TypeVar("Item")


def pictures(folder: Path) -> list[Path]:
    """The pictures of a folder; in VOC's layout those in JPEGImages, since masks have the same names."""
    where = folder / PICTURES
    paths = walk.pictures(where if where.is_dir() else folder)
    return [p for p in paths if not MASK_FOLDERS & {part.lower() for part in p.relative_to(folder).parts[:-1]}]


def paired(folder: Path, files: Sequence[Path], candidates: Iterable[Path]) -> dict[Path, Path]:
    """{file of annotations: its picture}. A file without a picture is left out.

    The picture has the same name, apart from the suffix. If several have it, the picture is in the same subfolders.

    Raises:
      UserError: a file has several pictures, or a picture has two files.
    """
    by_stem = defaultdict(list)
    for path in candidates:
        by_stem[path.stem].append(path)
    pairs: dict[Path, Path] = {}
    file_of: dict[Path, Path] = {}
    for file in files:
        same = by_stem.get(file.stem, [])
        if len(same) > 1:
            same = [path for path in same if _subfolders(folder, path) == _subfolders(folder, file)] or same
        if not same:
            continue
        pairs[file] = one_picture(same, file)
        if (other := file_of.setdefault(pairs[file], file)) != file:
            raise UnreadableFile(
                f"{file} and {other} have the same name, and there is one picture for both: {pairs[file]}."
            )
    return pairs


def _subfolders(folder: Path, path: Path) -> list[str]:
    return [part for part in path.relative_to(folder).parts[:-1] if part.lower() not in KINDS]


def keys(folder: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """{short name: file}: the name without the suffix, and with the subfolders if several files have the name."""
    by_stem = defaultdict(list)
    for path in paths:
        by_stem[path.stem].append(path)
    named = {}
    for stem, same in by_stem.items():
        for path in same:
            named[stem if len(same) == 1 else "/".join([*_subfolders(folder, path), stem])] = path
    return named


def chosen(folder: Path, task: str, items: Mapping[str, Any], others: Mapping[str, Any], split: str) -> list[str]:
    """The names in a split: by VOC's lists, or else by folders named after splits, or else every fifth is held out.

    Args:
      task: the folder of the lists, "Main" or "Segmentation".
      items: {name: file with annotations}.
      others: {name: picture without annotations}, which a list may select.

    Raises:
      UserError: a list cannot be read or names a file that is missing; there is no such split.
    """
    lists = _lists(folder, task, items, others)
    for role in splits.asked(split):
        for stem, path in lists.items():
            if splits.role(stem) == role or (role == splits.TRAIN and stem == "trainval" and "val" not in lists):
                listed_names = listed(path, items, others)
                training = [other for name, other in lists.items() if splits.role(name) == splits.TRAIN]
                for other in training[:1]:
                    note_shared(path, split, listed_names, _resolved(other, items, others)[0])
                return listed_names
    if lists and not any(splits.role(stem) for stem in lists) and len(lists) == 1:  # CVAT's default.txt
        (path,) = lists.values()
        names = dict.fromkeys(listed(path, items, others))
        return list(split_by_fifths(folder, names, split))
    if lists:
        raise UnreadableFile(
            f"{folder} has no list of pictures for {split!r}: add {split}.txt, or take one of {', '.join(lists)}."
        )
    roles = {name: splits.role_of_folders(path, folder) for name, path in items.items()}
    if any(roles.values()):
        for role in splits.asked(split):
            if role in roles.values():
                return [name for name in items if roles[name] == role]
        raise UnreadableFile(f"{folder} has no folder for {split!r}.")
    return list(split_by_fifths(folder, items, split))


def listed(path: Path, items: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    """The names that a list selects, each once.

    Raises:
      UserError: the list cannot be read, or names a picture that is not there.
    """
    names, absent = _resolved(path, items, others)
    if absent:
        raise UnreadableFile(
            f"{path} names {absent[0]}, which does not exist ({len(absent)} such names): remove the lines."
        )
    without = [name for name in names if name not in items]
    if without:
        messages.once(f"{len(without)} pictures of {path} have no annotations of their own, such as {without[0]}.")
    return names


def listed_anywhere(folder: Path, task: str, items: Mapping[str, Any], others: Mapping[str, Any]) -> set[str]:
    """The names that any list of a task selects."""
    lists = _lists(folder, task, items, others).values()
    return {name for path in lists for name in _resolved(path, items, others)[0]}


def _lists(folder: Path, task: str, items: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Path]:
    """{name: list of pictures}: those in ImageSets/TASK, or else those of splits in ImageSets or in the folder.

    Lists of one class (cat_train.txt) are left out. Outside of ImageSets/TASK, a list names at least one picture.
    """
    paths = walk.files(folder / LISTS / task, ".txt")
    paths = [path for path in paths if "_" not in path.stem or splits.role(path.stem)]
    for place in (folder / LISTS, folder):
        if not paths and place.is_dir():
            own = [path for path in sorted(place.glob("*.txt")) if splits.role(path.stem) or path.stem == "trainval"]
            paths = [path for path in own if _resolved(path, items, others)[0]]
    return {path.stem: path for path in sorted(paths, key=lambda path: ("_" in path.stem, path))}


def _resolved(path: Path, items: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(names of items in a list, each once, lines that name no item)."""
    try:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"cannot read the list {path}: {error}.") from error
    names: dict[str, None] = {}
    absent = []
    for line in lines:
        name = next((word for word in _readings(line) if word in items or word in others), None)
        if name is None:
            absent.append(_readings(line)[-1])
            continue
        names[name] = None
    return list(names), absent


def _readings(line: str) -> list[str]:
    """The names that a line may mean, the most literal first.

    It may have spaces, a suffix, folders, or a flag or the file of annotations behind the picture.
    """
    first, *last = line.rsplit(None, 1)
    words = [line, *([first] if last and (last[0] in FLAGS or last[0].lower().endswith(FILES)) else [])]
    readings = []
    for word in words:
        plain = word.replace("\\", "/").removeprefix("./")
        known = walk.is_picture(Path(plain).name) or plain.lower().endswith(FILES)
        plain = plain[: -len(Path(plain).suffix)] if known else plain
        parts = [part for part in plain.split("/") if part and part.lower() not in KINDS]
        readings += [word, plain, "/".join(parts), parts[-1] if parts else plain]
    return list(dict.fromkeys(readings))
