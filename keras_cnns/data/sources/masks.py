"""Masks in the form of Cityscapes: a folder of pictures, and one of masks whose names and values match them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.files import contents, digest, names_in, one_picture, split_by_fifths
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UserError

PICTURES = ("images", "image", "imgs", "leftimg8bit", "jpegimages", "pictures")
MASKS = ("masks", "mask", "labels", "annotations", "gtfine", "segmentation", "segmentationclass", "annotation")
ENDS = (
    "_leftImg8bit",
    "_gtFine_labelTrainIds",
    "_gtFine_labelIds",
    "_mask",
    "_labels",
    "_label",
    "_gt",
    "_segmentation",
)
NAMES = ("classes.txt", "labels.txt", "classes.json")  # the names of the classes from 0 on, one on each line


def folders(folder: Path) -> tuple[Path, Path] | None:
    """(the folder of the pictures, the folder of the masks), or None."""
    inside = {f.name.lower(): f for f in walk.folders(folder)}
    first = next((inside[name] for name in PICTURES if name in inside), None)
    second = next((inside[name] for name in MASKS if name in inside and walk.has_pictures(inside[name])), None)
    return (first, second) if first and second else None


def open_masks(folder: Path, split: str) -> Source:
    """The pictures of a folder that `folders` accepts.

    Raises:
      UserError: the classes have no names; a picture has no mask or a mask no picture; there is no such split.
    """
    pair = folders(folder)
    assert pair is not None
    images, masks = pair
    labels = {key: min(paths, key=_preferred) for key, paths in _by_name(masks).items()}
    by_name = _by_name(images)
    alone = [path for key, paths in by_name.items() for path in paths if key not in labels]
    if alone:
        raise UserError(f"{alone[0]} has no mask in {masks} ({len(alone)} such pictures): add them, or remove these.")
    alone = [path for key, path in labels.items() if key not in by_name]
    if alone:
        raise UserError(f"{alone[0]} has no picture in {images} ({len(alone)} such masks): add them, or remove these.")
    pictures = {key: one_picture(paths, labels[key]) for key, paths in by_name.items()}
    names = _names(folder)
    roles = {key: splits.role(key.parts[0]) if len(key.parts) > 1 else None for key in pictures}
    if any(roles.values()):
        members = ([key for key in pictures if roles[key] == role] for role in splits.asked(split))
        keys = next(filter(None, members), [])
        if not keys:
            raise UserError(
                f"{images} has no folder for {split!r}: it has {', '.join(sorted({k.parts[0] for k in pictures}))}."
            )
    else:
        keys = list(split_by_fifths(folder, pictures, split))
    return source_of_pairs(folder, names, [pictures[key] for key in keys], [labels[key] for key in keys])


def source_of_pairs(folder: Path, names: tuple[str, ...], pictures: Sequence[Path], masks: Sequence[Path]) -> Source:
    """The source of pictures with one mask file each, in the same order."""

    def fingerprint():
        return digest(
            folder, names, [(p, hashlib.sha256(contents(m)).hexdigest()) for p, m in zip(pictures, masks, strict=True)]
        )

    return Source(
        names=names,
        count=len(pictures),
        read=lambda number: Sample(contents(pictures[number]), mask=contents(masks[number])),
        where=lambda number: str(masks[number]),
        fingerprint=fingerprint,
        files=pictures,
    )


def _by_name(folder):
    """{path below the folder without the suffix and without ENDS: the files}."""
    files: dict[Path, list] = {}
    for path in walk.pictures(folder):
        stem = path.stem
        for end in ENDS:
            stem = stem.removesuffix(end)
        files.setdefault(path.relative_to(folder).parent / stem, []).append(path)
    return files


def _preferred(path):
    """The order in which masks of one picture are preferred: Cityscapes has several, TrainIds first."""
    return ("TrainIds" not in path.stem, "color" in path.stem or "instance" in path.stem, path.name)


def _names(folder):
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise UserError(
            f"{folder} does not say what the values of its masks mean: write {folder / NAMES[0]}, one name on each "
            "line, from 0 on."
        )
    return names_in(path, least=2)
