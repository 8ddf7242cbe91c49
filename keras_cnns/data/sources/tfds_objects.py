"""Pictures with boxes or masks of tensorflow-datasets: PASCAL VOC, COCO, the Oxford pets, and your own data sets."""

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from keras_cnns.data.sources.sample import VOID, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.data.sources.tfds import found_builder, known_split, records
from keras_cnns.support.errors import BadArgument, UnreadableFile, first_line

# the split that is used as "test" if the published test split has no boxes
HELD_OUT = {"coco": "validation", "voc/2012": "validation"}
JOINED = {"voc/2007": "train+validation"}  # the splits that are used as "train": "trainval" in the papers
MOST = 100  # boxes of a picture that are used
FLAGS = ("is_difficult", "is_crowd")
FROM_ONE = "voc/"  # its pixels count from 1, which tensorflow-datasets keeps


def open_tfds(
    name: str, split: str, target: str, *, data_dir: str | os.PathLike[str] | None = None, download: bool = False
) -> Source:
    """A split of the data set `name`; "test" is its validation split if the boxes of the test split are secret.

    Raises:
      UserError: there is no such data set or split, it is not prepared on this machine, or it has no boxes (masks).
    """
    import tensorflow_datasets as tfds

    builder, data_dir = found_builder(name, data_dir, download)
    features = builder.info.features
    has = target == "boxes" and _has_boxes(features, tfds)
    has = has or (target == "mask" and {"image", "segmentation_mask"} <= set(features or ()))
    if not has:
        raise UnreadableFile(f"the data set {name!r} has no {'boxes' if target == 'boxes' else 'masks'}: give another.")
    if split == "test":
        split = next((other for start, other in HELD_OUT.items() if str(name).startswith(start)), split)
    if split == "train" and name in JOINED:
        split = JOINED[name]
    elif builder.info.splits:
        split = known_split(builder, name, split)
    try:
        example, count = _examples(builder, split, tfds)
    except Exception as error:
        raise BadArgument(
            f"the data set {name!r} is not below {data_dir} ({first_line(error)}): prepare it with --download."
        ) from error
    if target == "mask":
        names, read = tuple(str(n) for n in range(_classes(example, count))), _masked
    else:
        names, read = tuple(features["objects"]["label"].names), _boxed
    return Source(
        names=names,
        count=count,
        read=lambda number: read(example(number), int(name.startswith(FROM_ONE))),
        where=lambda number: f"example {number} of {name}",
        fingerprint=lambda: f"{builder.info.full_name} {split}",
        most_boxes=MOST,
    )


def _examples(builder: Any, split: str, tfds: ModuleType) -> tuple[Callable[[int], dict[str, Any]], int]:
    """(number -> example as NumPy arrays with the picture still encoded, count)."""
    decoders = {"image": tfds.decode.SkipDecoding()}
    if builder.info.splits and builder.info.file_format.value == "tfrecord":
        record, count = records(builder.info.splits[split].file_instructions)
        features = builder.info.features
        return lambda number: features.deserialize_example_np(record(int(number)), decoders=decoders), count
    source = builder.as_data_source(split=split, decoders=decoders)
    return lambda number: source[int(number)], len(source)


def _has_boxes(features: Any, tfds: ModuleType) -> bool:
    if not {"image", "objects"} <= set(features or ()):
        return False
    objects = features["objects"]
    inner = objects.feature if isinstance(objects, tfds.features.Sequence) else objects
    return {"bbox", "label"} <= set(inner) and isinstance(inner["label"], tfds.features.ClassLabel)


def _boxed(example: dict[str, Any], first_pixel: int) -> Sample:
    objects = example["objects"]
    boxes = np.asarray(objects["bbox"], "float32").reshape(-1, 4)  # top, left, bottom, right
    difficult, crowd = (np.asarray(objects.get(flag, np.zeros(len(boxes))), bool) for flag in FLAGS)
    return Sample(
        picture=example["image"],
        boxes=boxes[:, [1, 0, 3, 2]],
        classes=objects["label"],
        ignored=difficult | crowd,
        crowd=crowd,
        fractions=True,
        first_pixel=first_pixel,
    )


def _masked(example: dict[str, Any], first_pixel: int) -> Sample:
    return Sample(example["image"], mask=np.asarray(example["segmentation_mask"])[..., 0])


def _classes(example: Callable[[int], dict[str, Any]], count: int) -> int:
    """The number of classes of the masks, from the first 50 masks (the Oxford pets count from 1 to 3)."""
    seen = [np.asarray(example(n)["segmentation_mask"]) for n in range(min(count, 50))]
    return 1 + max(int(mask[mask != VOID].max(initial=0)) for mask in seen)
