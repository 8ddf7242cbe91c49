"""Cityscapes as it is distributed: leftImg8bit and gtFine, with several mask files for each picture.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", 2016; the classes are those of the
authors' cityscapesscripts (helpers/labels.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_cnns.data.sources.class_names import ClassList
from keras_cnns.data.sources.files import one_picture
from keras_cnns.data.sources.mask_files import MaskCodes
from keras_cnns.data.sources.sample import VOID
from keras_cnns.data.sources.splits import TEST
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile

# (name, number in labelIds) of the classes that are trained and evaluated, in the order of labelTrainIds.
CLASSES = (
    *(("road", 7), ("sidewalk", 8), ("building", 11), ("wall", 12), ("fence", 13), ("pole", 17)),
    *(("traffic light", 19), ("traffic sign", 20), ("vegetation", 21), ("terrain", 22), ("sky", 23), ("person", 24)),
    *(("rider", 25), ("car", 26), ("truck", 27), ("bus", 28), ("train", 31), ("motorcycle", 32), ("bicycle", 33)),
)
OWN_NAME = re.compile(r"[a-z-]+_\d{6}_\d{6}")  # aachen_000000_000019
LABELS = 34  # numbers in labelIds: 0 to 33
TRAIN_IDS, LABEL_IDS = "_labelTrainIds", "_labelIds"
ENDINGS = ("_leftImg8bit", "_labelTrainIds", "_labelIds", "_color", "_instanceIds", "_instanceTrainIds", "_gtFine")


@dataclass(frozen=True)
class Kind:
    """The classes of Cityscapes' masks; codes: None where the values are the labels."""

    names: tuple[str, ...]
    codes: MaskCodes | None


def is_cityscapes(folder: Path) -> bool:
    """Whether the folder has Cityscapes' layout."""
    return (folder / "leftImg8bit").is_dir() and (folder / "gtFine").is_dir()


def with_labels(
    pictures: Mapping[Path, Sequence[Path]], files: Mapping[Path, Sequence[Path]], roles: Mapping[Path, str | None]
) -> tuple[dict, dict]:
    """`pictures` and `files` without the test split, whose labels are secret, and without pictures that lack a mask.

    roles: the split of each picture.
    """
    kept = {key: paths for key, paths in pictures.items() if roles[key] != TEST and (roles[key] or key in files)}
    left = len(pictures) - len(kept)
    if left:
        messages.once(f"{left} pictures of Cityscapes' test split have no public labels and are left out.")
    return kept, {key: paths for key, paths in files.items() if key in kept or roles.get(key, "") == ""}


def one_kind(files: Mapping[Path, Sequence], listed: ClassList | None) -> tuple[dict[Path, Path], Kind | None]:
    """({picture: its mask}, the classes of the masks). All masks are of the same kind.

    The masks are labelTrainIds if every picture has one, unless the folder's list of classes has the 34 of labelIds.
    The classes are None if the pictures do not have Cityscapes' file names.

    Raises:
      UserError: every kind of mask is missing for some picture.
    """
    for ending in (LABEL_IDS, TRAIN_IDS) if listed and len(listed.names) >= LABELS else (TRAIN_IDS, LABEL_IDS):
        masks = {key: [path for path in paths if path.stem.endswith(ending)] for key, paths in files.items()}
        if all(masks.values()):
            chosen = {key: one_picture(paths, f"the picture {key}") for key, paths in masks.items()}
            own = all(OWN_NAME.fullmatch(key.name) for key in chosen)
            return chosen, _kind(ending, next(iter(chosen.values()), Path())) if own else None
    key = next(key for key, paths in files.items() if not any(path.stem.endswith(LABEL_IDS) for path in paths))
    raise UnreadableFile(
        f"{key} has no mask that ends in {LABEL_IDS}.png or {TRAIN_IDS}.png in gtFine: all pictures need masks of "
        "the same kind."
    )


def _kind(ending: str, path: Path) -> Kind:
    names = tuple(name for name, _ in CLASSES)
    if ending == TRAIN_IDS:
        return Kind(names, None)
    values = {number: VOID for number in range(LABELS)} | {VOID: VOID}
    values |= {number: label for label, (_, number) in enumerate(CLASSES)}
    return Kind(names, MaskCodes(path, values=values))
