"""PASCAL VOC's format: pictures with an XML file each, split by lists of names, and masks of classes.

Your own folder needs only the XML files, beside the pictures or in a folder beside the folder of the pictures.
"""

from collections.abc import Mapping
from pathlib import Path

from keras_cnns.data.sources import masks, walk
from keras_cnns.data.sources.class_names import BACKGROUNDS, class_list
from keras_cnns.data.sources.files import contents, digest
from keras_cnns.data.sources.sample import BACKGROUND, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.data.sources.voc_pairs import MASKS, PICTURES, XML, chosen, keys, listed_anywhere, paired, pictures
from keras_cnns.data.sources.voc_xml import (
    CLASSES,
    PASCALS_STEM,
    SIDES,
    Annotation,
    first_pixel,
    is_pascals,
    parsed,
    parsed_in,
)
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile

__all__ = ["CLASSES", "MASKS", "SIDES", "is_voc", "open_boxes", "open_masks"]


def is_voc(folder: Path) -> bool:
    """Whether the folder has VOC's layout."""
    return (folder / XML).is_dir() or ((folder / PICTURES).is_dir() and (folder / MASKS).is_dir())


def open_boxes(folder: Path, split: str) -> Source:
    """The pictures of a folder with XML files, with their boxes.

    Raises:
      UserError: there is no such split; an XML file cannot be read, has no picture, or has a class that is not listed;
        or all objects are marked as difficult.
    """
    every = pictures(folder)
    annotations = parsed_in(folder, every)
    pairs = paired(folder, list(annotations), every)
    names = _names(folder, annotations)
    first = first_pixel(folder, annotations)
    _check_difficult(folder, annotations)
    files = keys(folder, annotations)
    without = keys(folder, set(every) - set(pairs.values()))
    selected = chosen(folder, "Main", files, without, split)
    missing = [files[key] for key in selected if key in files and files[key] not in pairs]
    if missing:
        raise UnreadableFile(f"{missing[0]} has no picture ({len(missing)} such files): add it, or remove the file.")
    left = sorted(set(without) - set(selected) - listed_anywhere(folder, "Main", files, without))
    if left:
        messages.once(
            f"{len(left)} pictures in {folder} have no XML file and are left out, such as {without[left[0]]}."
        )
    rows = [(pairs[files[k]], files[k], annotations[files[k]]) if k in files else _empty(without[k]) for k in selected]
    number_of = {name: number for number, name in enumerate(names)}

    def boxes(annotation: Annotation) -> list[list[float]]:
        return [[side - first * (n < 2) for n, side in enumerate(item.sides)] for item in annotation.objects]

    def read(number: int) -> Sample:
        picture, _, annotation = rows[number]
        return Sample(
            picture=contents(picture),
            boxes=boxes(annotation),
            classes=[number_of[item.name] for item in annotation.objects],
            ignored=[item.difficult for item in annotation.objects],
            size=annotation.size,
        )

    def fingerprint() -> str:
        parts = [(p, [(o.name, b, o.difficult) for o, b in zip(a.objects, boxes(a), strict=True)]) for p, _, a in rows]
        return digest(folder, names, parts)

    return Source(
        names=names,
        count=len(rows),
        read=read,
        where=lambda number: str(rows[number][1]),
        fingerprint=fingerprint,
        files=[picture for picture, *_ in rows],
        most_boxes=max((len(annotation.objects) for *_, annotation in rows), default=0) or 1,
    )


def _empty(picture: Path) -> tuple[Path, Path, Annotation]:
    return picture, picture, Annotation(None, ())


def _names(folder: Path, annotations: Mapping[Path, Annotation]) -> tuple[str, ...]:
    """The classes of a list in the folder; otherwise PASCAL's 20 in PASCAL's own files, or those of the XML files."""
    file_of = {item.name: path for path, annotation in annotations.items() for item in annotation.objects}
    listed = class_list(folder)
    if listed:
        names = tuple(name for name in listed.names if name.lower() not in BACKGROUNDS or name in file_of)
        unknown = sorted(set(file_of) - set(names))
        if unknown:
            raise UnreadableFile(
                f"{file_of[unknown[0]]} has the class {unknown[0]!r}, which is not in {listed.path}: correct it."
            )
        return names
    pascals = is_pascals(annotations)
    if pascals and set(file_of) <= set(CLASSES):
        if len(file_of) < len(CLASSES):
            messages.once(
                f"{folder} holds PASCAL VOC's own files: the classes are its {len(CLASSES)}, of which {len(file_of)} "
                f"occur. List others in {folder / 'classes.txt'}, one name in each line."
            )
        return CLASSES
    if pascals:
        other = min(set(file_of) - set(CLASSES))
        messages.once(
            f"{file_of[other]} has the class {other!r}, which is not PASCAL VOC's: the classes are the {len(file_of)} "
            f"that {folder} uses; list the right ones in {folder / 'classes.txt'} if some are mistakes."
        )
    return tuple(sorted(file_of))


def _check_difficult(folder: Path, annotations: Mapping[Path, Annotation]) -> None:
    flags = [item.difficult for annotation in annotations.values() for item in annotation.objects]
    if flags and all(flags):
        raise UnreadableFile(
            f"all {len(flags)} objects in {folder} are marked as difficult, and such objects are not trained on: set "
            "<difficult> to 0 in the XML files."
        )


def open_masks(folder: Path, split: str) -> Source:
    """The pictures of VOC's layout that have a mask in SegmentationClass.

    The classes are those of a list in the folder (see `class_names.py`), or, in PASCAL's own files, 0 for the
    background, 1 to 20 for the classes and 255 for void.

    Raises:
      UserError: there is no such split or no list of classes, or a mask has no picture.
    """
    files = walk.pictures(folder / MASKS)
    every = pictures(folder)
    pairs = paired(folder, files, every)
    by_key = keys(folder, files)
    others = keys(folder, set(every) - set(pairs.values()))
    listed_keys = chosen(folder, "Segmentation", by_key, others, split)
    selected = [key for key in listed_keys if key in by_key]
    if len(selected) < len(listed_keys):
        left = next(key for key in listed_keys if key not in by_key)
        messages.once(f"{len(listed_keys) - len(selected)} pictures without a mask are left out: {others[left]} ...")
    missing = [by_key[key] for key in selected if by_key[key] not in pairs]
    if missing:
        raise UnreadableFile(f"{missing[0]} has no picture in {folder / PICTURES}.")
    listed = class_list(folder, colours=True)
    if listed is None:
        if not files or not all(PASCALS_STEM.fullmatch(path.stem) for path in files):
            raise masks.unknown_values(folder)
        first_files = [folder / XML / f"{path.stem}.xml" for path in files[:20]]
        if not is_pascals({path: parsed(path) for path in first_files if path.is_file()}):
            messages.once(
                f"{folder}: the masks are read as PASCAL VOC's, 0 for the background and 1 to 20 for its classes. "
                f"List others in {folder / 'classes.txt'}, one name in each line, the background first."
            )
    names, codes = masks.codes_of(folder, listed, (BACKGROUND, *CLASSES), files)
    return masks.source_of_pairs(
        folder, names, codes, [pairs[by_key[key]] for key in selected], [by_key[key] for key in selected]
    )
