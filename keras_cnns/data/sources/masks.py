"""Pictures with one mask file each: pairs of folders, Cityscapes, and Roboflow's masks beside their pictures."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import cityscapes, splits, voc_pairs, walk
from keras_cnns.data.sources.class_names import ClassList, class_list, one_line
from keras_cnns.data.sources.files import contents, digest, one_picture, split_by_fifths
from keras_cnns.data.sources.mask_files import CodedMask, MaskCodes, codes_by_colour, codes_of_white
from keras_cnns.data.sources.sample import VOID, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_text

PICTURES = ("images", "image", "imgs", "img", "img_dir", "leftimg8bit", "jpegimages", "pictures")
MASKS = (
    "masks",
    "mask",
    "labels",
    "annotations",
    "gtfine",
    "segmentation",
    "segmentationclass",
    "annotation",
    "ann_dir",
)
BESIDE = ("annot", "_labels", "_masks", "_mask", "_annotations")  # train and trainannot, val and val_labels
ENDINGS = ("_mask", "_labels", "_label", "_gt", "_segmentation")  # of the names of masks
ROBOFLOW, ROBOFLOW_MASK = "_classes.csv", "_mask"  # the list in each split's folder, the ending of a mask's name


def folders(folder: Path) -> dict[str, tuple[Path, Path]]:
    """{folder of a split: (its folder of pictures, its folder of masks)}; the key is "" if there are no splits.

    {} if there is no such pair. The pairs lie in the folder (images and masks), in folders of splits (train/images and
    train/masks), or are the folders of splits (train and train_labels).
    """
    if pair := _pair(folder):
        return {"": pair}
    pairs: dict[str, tuple[Path, Path]] = {}
    for inner in walk.folders(folder):
        if splits.role(inner.name) and inner.name not in pairs:
            beside = [path for end in BESIDE if (path := inner.with_name(inner.name + end)).is_dir()]
            if pair := _pair(inner) or ((inner, beside[0]) if beside and walk.has_pictures(beside[0]) else None):
                pairs[inner.name] = pair
    if len(pairs) == 1:  # the masks of the other splits are secret
        return {"": next(iter(pairs.values()))}
    return pairs


def _pair(folder: Path) -> tuple[Path, Path] | None:
    """(folder of the pictures, folder of the masks), or None."""
    inside = {path.name.lower(): path for path in walk.folders(folder)}
    first = next((inside[name] for name in PICTURES if name in inside), None)
    second = next((inside[name] for name in MASKS if name in inside and walk.has_pictures(inside[name])), None)
    return (first, second) if first and second else None


def open_masks(folder: Path, split: str) -> Source:
    """The pictures of a pair of folders, such as images and masks.

    Raises:
      UserError: there is no list of classes or no such split, or a picture or mask lacks its counterpart.
    """
    own = cityscapes.is_cityscapes(folder)
    listed = class_list(folder, colours=True)
    endings = cityscapes.ENDINGS if own else ENDINGS
    pictures: dict[Path, list[Path]] = {}
    files: dict[Path, list[Path]] = {}
    for name, (images, masks) in folders(folder).items():
        pictures |= {name / key: paths for key, paths in _by_name(images, endings).items()}
        files |= {name / key: paths for key, paths in _by_name(masks, endings).items()}
    divided = any(splits.role(key.parts[0]) for key in pictures if len(key.parts) > 1)
    roles = {key: splits.role_of_folders(folder / key, folder) if divided else None for key in pictures}
    if own:
        pictures, files = cityscapes.with_labels(pictures, files, roles)
    label_files, kind = cityscapes.one_kind(files, listed) if own else (_single(files), None)
    _check_complete(images, masks, pictures, label_files)
    pairs = {key: (one_picture(paths, label_files[key]), label_files[key]) for key, paths in pictures.items()}
    if divided:
        chosen = next((k for r in splits.asked(split) if (k := [key for key in pairs if roles[key] == r])), None)
        if not chosen:
            there = ", ".join(sorted({key.parts[0] for key in pairs}))
            raise UnreadableFile(f"{images} has no folder for {split!r}: it has {there}.")
    else:
        by_name = {key.as_posix(): key for key in pairs}
        names_of_split = voc_pairs.chosen(
            folder, "Segmentation", {n: label_files[k] for n, k in by_name.items()}, {}, split
        )
        chosen = [by_name[name] for name in names_of_split]
    if kind and listed is None:
        names, codes = kind.names, kind.codes
    else:
        names, codes = codes_of(folder, listed, None, list(label_files.values()))
    return source_of_pairs(folder, names, codes, [pairs[key][0] for key in chosen], [pairs[key][1] for key in chosen])


def codes_of(
    folder: Path, listed: ClassList | None, default: tuple[str, ...] | None, files: Sequence[Path]
) -> tuple[tuple[str, ...], MaskCodes | None]:
    """(names of the classes, codes of the masks; None if the values of the masks are the labels).

    Args:
      listed: the folder's list of classes.
      default: the names if there is no list.
      files: all masks of the folder.

    Raises:
      UserError: there is neither a list nor a default, only one class, or more classes than a mask can hold.
    """
    if listed is not None and listed.colours is not None:
        return codes_by_colour(listed, files)
    names = listed.names if listed else default
    if names is None:
        raise unknown_values(folder)
    path = listed.path if listed else folder
    if len(names) < 2:
        raise UnreadableFile(f"{path} needs a list of 2 to {VOID - 1} different names, the background among them.")
    return names, codes_of_white(names, files, path)


def unknown_values(folder: Path) -> UnreadableFile:
    """The error for a folder of masks without a list of classes."""
    return UnreadableFile(
        f"{folder} does not say what its masks' values mean: write the classes into {folder / 'classes.txt'}, one "
        "name in "
        "each line, the class of value 0 first."
    )


def source_of_pairs(
    folder: Path, names: tuple[str, ...], codes: MaskCodes | None, pictures: Sequence[Path], masks: Sequence[Path]
) -> Source:
    """The source of pictures with one mask file each. pictures, masks: in the same order. codes: see `codes_of`."""

    def read(number: int) -> Sample:
        data = contents(masks[number])
        return Sample(contents(pictures[number]), mask=CodedMask(data, codes) if codes else data)

    def fingerprint() -> str:
        hashes = [(p, hashlib.sha256(contents(m)).hexdigest()) for p, m in zip(pictures, masks, strict=True)]
        return digest(folder, (*names, repr(codes and (codes.values, codes.colours))) if codes else names, hashes)

    return Source(
        names=names,
        count=len(pictures),
        read=read,
        where=lambda number: str(masks[number]),
        fingerprint=fingerprint,
        files=pictures,
    )


def _by_name(folder: Path, endings: Sequence[str]) -> dict[Path, list[Path]]:
    """{name: files}: the name is the path in the folder without its suffix and without one of `endings`."""
    files: dict[Path, list] = {}
    for path in walk.pictures(folder):
        stem = path.stem
        for end in endings:
            stem = stem.removesuffix(end)
        files.setdefault(path.relative_to(folder).parent / stem, []).append(path)
    return files


def _single(files: Mapping[Path, Sequence[Path]]) -> dict[Path, Path]:
    for first, *others in files.values():
        if others:
            raise UnreadableFile(f"{first} and {others[0]} are masks of one picture: keep one of them.")
    return {key: path for key, (path,) in files.items()}


def _check_complete(
    images: Path, masks: Path, pictures: Mapping[Any, Sequence[Path]], files: Mapping[Any, Path]
) -> None:
    alone = [path for key, paths in pictures.items() for path in paths if key not in files]
    if alone:
        raise UnreadableFile(
            f"{alone[0]} has no mask in {masks} ({len(alone)} such pictures): add the masks, or remove the pictures."
        )
    alone = [path for key, path in files.items() if key not in pictures]
    if alone:
        raise UnreadableFile(
            f"{alone[0]} has no picture in {images} ({len(alone)} such masks): add the pictures, or remove the masks."
        )


# --- Roboflow's masks: PICTURE.jpg, PICTURE_mask.png and _classes.csv in a folder for each split ---------------------


def roboflow_lists(folder: Path) -> dict[Path, tuple[str, ...]]:
    """{folder with masks: names of its classes} if these are Roboflow's masks for segmentation, else {}."""
    lists = {}
    for path in walk.files(folder, ROBOFLOW):
        rows = [[cell.strip() for cell in row] for row in csv.reader(read_text(path).splitlines()) if row]
        if not rows or [cell.lower() for cell in rows[0]] != ["pixel value", "class"]:
            continue
        numbers = [row[0] for row in rows[1:]]
        if numbers != [str(n) for n in range(len(numbers))] or any(len(row) != 2 for row in rows) or len(rows) < 3:
            raise UnreadableFile(f"{path} needs a row (Pixel Value, Class) for each class, from 0 on without a gap.")
        lists[path.parent] = tuple(one_line(row[1]) for row in rows[1:])
    return lists


def open_roboflow(folder: Path, split: str, lists: Mapping[Path, tuple[str, ...]]) -> Source:
    """Pictures with Roboflow's masks; lists: `roboflow_lists(folder)`.

    Raises:
      UserError: there is no such split, two folders list different classes, or a picture or mask lacks its counterpart.
    """
    (where, names), *others = lists.items()
    for other, listed in others:
        if listed != names:
            raise UnreadableFile(
                f"{other / ROBOFLOW} and {where / ROBOFLOW} list different classes: give both the same."
            )
    pairs: dict[Path, tuple[Path, Path]] = {}
    for inner in lists:
        paths = walk.pictures(inner)
        masks = {path.stem.removesuffix(ROBOFLOW_MASK): path for path in paths if path.stem.endswith(ROBOFLOW_MASK)}
        pictures = {path.stem: [path] for path in paths if path.stem not in {m.stem for m in masks.values()}}
        _check_complete(inner, inner, pictures, masks)
        pairs |= {path: (path, masks[stem]) for stem, (path,) in pictures.items()}
    roles = {path: splits.role(path.parent.name) for path in pairs}
    if any(roles.values()):
        chosen = next((p for r in splits.asked(split) if (p := [path for path in pairs if roles[path] == r])), None)
        if chosen is None:
            raise UnreadableFile(
                f"{folder} has no folder for {split!r}: it has {', '.join(path.name for path in lists)}."
            )
    else:
        chosen = list(split_by_fifths(folder, {path.name: path for path in pairs}, split).values())
    codes = codes_of_white(names, [mask for _, mask in pairs.values()], where / ROBOFLOW)
    return source_of_pairs(folder, names, codes, [pairs[p][0] for p in chosen], [pairs[p][1] for p in chosen])
