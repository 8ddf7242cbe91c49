"""What a YOLO folder says about itself: the classes and the splits in data.yaml, or a list of classes without one.

Without data.yaml, the classes are those of classes.txt, as Label Studio and LabelImg write it, or of Darknet's lists.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import splits, walk
from keras_cnns.data.sources.class_names import ClassList, class_list, one_line, read_list
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile, UserError, first_line
from keras_cnns.support.untrusted import inside, read_text, read_yaml

FIRST = ("data.yaml", "data.yml", "dataset.yaml")  # usual names of the file
SPLITS = {splits.TRAIN: "train", splits.VALIDATION: "val", splits.TEST: "test"}
IMAGES, LABELS = "images", "labels"
KEYS = {"train": splits.TRAIN, "val": splits.VALIDATION, "test": splits.TEST}  # of data.yaml
KEYS |= {"valid": splits.VALIDATION, "validation": splits.VALIDATION}
BESIDE_LABELS = ("classes.txt", "_darknet.labels")  # lists of classes in the folders of label files
ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")
ENDINGS = (".jpg", ".png", ".jpeg", ".bmp", ".JPG")


@dataclass(frozen=True)
class YoloFolder:
    """The description of a YOLO folder.

    Attributes:
      root: the folder.
      path: the file with the classes.
      names: the names of the classes, by number.
      splits: {split: the folders, lists or pictures that data.yaml names}; {} without a data.yaml.
      base: the folder to which these are relative.
      keypoints: how many numbers follow each box in files for poses.
      stated: the absolute `path` in data.yaml, of this machine or another; "" if there is none.
    """

    root: Path
    path: Path
    names: tuple[str, ...]
    splits: dict[str, list[str]]
    base: Path
    keypoints: int = 0
    stated: str = ""


def describe(root: Path) -> YoloFolder | None:
    """The description of a YOLO folder; None for folders in other formats.

    Raises:
      UserError: data.yaml cannot be read, or its names, splits or path are not usable.
    """
    damaged: list[UserError] = []
    for path in sorted(walk.files(root, ".yaml", ".yml"), key=lambda p: (p.name not in FIRST, len(p.parts), p)):
        if path.parent != root and path.name not in FIRST:
            continue
        try:
            content = read_yaml(path)
        except UserError as error:
            if path.name in FIRST:
                raise
            damaged.append(error)  # of another program
            continue
        keys = set(content) if isinstance(content, dict) else set()
        if keys & {"names", "nc"} and (keys & {*KEYS} or (path.name in FIRST and (root / LABELS).is_dir())):
            return _described(root, path, content)
    listed = _listed(root)
    if damaged and listed is None and has_labels(root):
        raise damaged[0]
    for fault in damaged:
        messages.once(f"skipped: {first_line(fault)}")
    if listed and (root / "obj.data").is_file():  # Darknet's, as CVAT and datumaro write it
        files = [(role, f"{name}.txt") for role, name in (*SPLITS.items(), (splits.VALIDATION, "valid"))]
        lists = {role: [name] for role, name in files if (root / name).is_file()}
        return YoloFolder(root, root / "obj.data", listed.names, lists, root)
    texts = [path for path in walk.files(root, ".txt") if listed and path.parent != root]
    beside = [path for path in walk.files(root, ".txt") if listed and path != listed.path]
    if listed and (LABELS in {part for path in texts for part in path.relative_to(root).parts} or _labelled(beside)):
        return YoloFolder(root, listed.path, listed.names, {}, root)
    return None


def _listed(root: Path) -> ClassList | None:
    """The list of classes in a folder, or beside its label files: LabelImg's classes.txt, Roboflow's _darknet.labels.

    Raises:
      UserError: two lists beside label files are different.
    """
    if listed := class_list(root):
        return listed
    paths = [path for path in walk.files(root, *BESIDE_LABELS) if path.name in BESIDE_LABELS]
    lists = [read_list(path) for path in paths] if paths and has_labels(root) else []
    for other in lists[1:]:
        if other.names != lists[0].names:
            raise UnreadableFile(f"{other.path} and {lists[0].path} list different classes: give both the same.")
    return lists[0] if lists else None


def has_labels(root: Path) -> bool:
    """Whether text files with lines of numbers lie beside the pictures or in `labels`, as YOLO's do."""
    texts = [
        p for p in walk.files(root, ".txt") if LABELS in p.parts or any(p.with_suffix(e).is_file() for e in ENDINGS)
    ]
    return any(re.match(r"\s*\d+( [\d.]+){4}", read_text(path)) for path in texts[:20])


def _labelled(texts: Sequence[Path]) -> bool:
    """Whether one of these text files lies beside a picture of its name."""
    endings = walk.SUFFIXES
    return any(text.with_suffix(ending).is_file() for text in texts[:1000] for ending in endings)


def _described(root: Path, path: Path, content: dict) -> YoloFolder:
    names = _names(path, content)
    keypoints = content.get("kpt_shape")
    count = 0
    if isinstance(keypoints, list) and len(keypoints) == 2 and all(isinstance(n, int) for n in keypoints):
        count = keypoints[0] * keypoints[1]
    listed: dict[str, list[str]] = {}
    for key, role in KEYS.items():
        entry = content.get(key)
        entry = [entry] if isinstance(entry, str) else entry
        if entry in (None, [], [""]) or role in listed:
            continue
        if not isinstance(entry, list) or not all(isinstance(name, str) and name for name in entry):
            raise UnreadableFile(f"{path}: {key} needs a folder, a list of folders, or a text file of pictures.")
        listed[role] = entry
    stated = content.get("path")
    absolute = stated.replace("\\", "/").rstrip("/") if isinstance(stated, str) and ABSOLUTE.match(stated) else ""
    return YoloFolder(root, path, names, listed, _base(root, path, stated), count, absolute)


def _names(path: Path, content: dict) -> tuple[str, ...]:
    rows: Any = content.get("names")
    if isinstance(rows, dict):
        try:
            by_number = {int(key): name for key, name in rows.items()}
        except (TypeError, ValueError):
            by_number = {}
        if sorted(by_number) != list(range(len(rows))):
            raise UnreadableFile(f"{path}: names needs the numbers 0 to {len(rows) - 1} without a gap.")
        rows = [by_number[number] for number in range(len(rows))]
    if not isinstance(rows, list) or not rows:
        raise UnreadableFile(f"{path} needs names, a list of the classes or {{0: name, 1: name ...}}.")
    odd = next((name for name in rows if not isinstance(name, str | int) or isinstance(name, bool)), None)
    if odd is not None or None in rows:
        raise UnreadableFile(f"{path}: names has {odd}, which YAML does not read as a text: put quotes around it.")
    names = tuple(one_line(name) for name in rows)
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path}: two classes have the same name: give each its own.")
    if "nc" in content and str(content["nc"]) != str(len(names)):
        raise UnreadableFile(f"{path} has {len(names)} names, and nc is {content['nc']}: correct one of them.")
    return names


def _base(root: Path, path: Path, stated: Any) -> Path:
    """The folder to which the splits are relative.

    It is `path` in data.yaml if that is inside the folder, else the folder of data.yaml. A path of another machine is
    ignored, and so is a path relative to Ultralytics' folder of data sets.
    """
    if not isinstance(stated, str) or not stated or stated == ".":
        return path.parent
    for parent in (path.parent, root):
        try:
            base = inside(root, os.path.relpath(parent / stated, root), source=path)
        except UserError:
            continue
        if base.is_dir():
            return base
    if Path(stated).resolve() != path.parent.resolve():
        messages.once(f"{path}: its path {stated!r} is ignored, and its files are looked for in {path.parent}.")
    return path.parent
