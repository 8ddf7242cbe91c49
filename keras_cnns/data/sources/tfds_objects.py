"""Pictures with boxes or masks of tensorflow-datasets: PASCAL VOC, COCO, the Oxford pets' masks, one's own."""

import numpy as np

from keras_cnns.data import pillow
from keras_cnns.data.sources.scene import VOID, Located, Scene, checked
from keras_cnns.data.sources.tfds import found_builder, known_split, records
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError, first_line

# where the published test split has no boxes
HELD_OUT = {"coco": "validation", "voc/2012": "validation"}
JOINED = {"voc/2007": "train+validation"}  # what is trained on: the papers' "trainval"
MOST = 100  # boxes of a picture that are kept
FLAGS = ("is_difficult", "is_crowd")
FROM_ONE = "voc/"  # whose first pixel is 1, which tensorflow-datasets passes on


def open_tfds(name, split, targets, *, data_dir=None, download=False):
    """The split of the data set `name`; "test" is its validation split where the test split's boxes are secret.

    Raises:
      UserError: no such data set or split, not prepared on this machine, or without boxes (masks).
    """
    import tensorflow_datasets as tfds

    builder, data_dir = found_builder(name, data_dir, download)
    features = builder.info.features
    has = targets == "boxes" and _has_boxes(features, tfds)
    has = has or (targets == "mask" and {"image", "segmentation_mask"} <= set(features or ()))
    if not has:
        raise UserError(f"the data set {name!r} has no {'boxes' if targets == 'boxes' else 'masks'}: take another.")
    if split == "test":
        split = next((other for start, other in HELD_OUT.items() if str(name).startswith(start)), split)
    if split == "train" and name in JOINED:
        split = JOINED[name]
    elif builder.info.splits:
        split = known_split(builder, name, split)
    try:
        example, count = _examples(builder, split, tfds)
    except Exception as error:
        raise UserError(
            f"the data set {name!r} is not below {data_dir} ({first_line(error)}): prepare it with --download."
        ) from error
    if targets == "mask":
        names = tuple(str(n) for n in range(_classes(example, count)))
        return Located(names, count, 1, lambda number, size: _masked(example(number), name, number, len(names)))
    names = tuple(features["objects"]["label"].names)
    first = int(str(name).startswith(FROM_ONE))
    return Located(
        names, count, MOST, lambda number, size: _boxed(example(number), f"example {number} of {name}", first)
    )


def _examples(builder, split, tfds):
    """(number -> the example as NumPy arrays, its picture still encoded, how many there are)."""
    decoders = {"image": tfds.decode.SkipDecoding()}
    if builder.info.splits and builder.info.file_format.value == "tfrecord":
        record, count = records(builder.info.splits[split].file_instructions)
        features = builder.info.features
        return lambda number: features.deserialize_example_np(record(int(number)), decoders=decoders), count
    source = builder.as_data_source(split=split, decoders=decoders)
    return lambda number: source[int(number)], len(source)


def _has_boxes(features, tfds):
    if not {"image", "objects"} <= set(features or ()):
        return False
    objects = features["objects"]
    inner = objects.feature if isinstance(objects, tfds.features.Sequence) else objects
    return {"bbox", "label"} <= set(inner) and isinstance(inner["label"], tfds.features.ClassLabel)


def _boxed(example, where, first):
    """first: the number of the first pixel, where a box's left and upper sides count from it."""
    image, objects = _picture(example["image"], where), example["objects"]
    height, width = image.shape[:2]
    relative = np.asarray(objects["bbox"], "float32").reshape(-1, 4)  # top, left, bottom, right
    boxes = relative[:, [1, 0, 3, 2]] * [width, height, width, height] - [first, first, 0, 0]
    boxes, there = checked(boxes, (height, width), where)
    flags = {flag: np.asarray(objects.get(flag, np.zeros(len(boxes))), bool)[there][:MOST] for flag in FLAGS}
    if there.sum() > MOST:
        messages.once(f"{where}: {there.sum()} boxes, of which the first {MOST} are taken.")
    boxes, labels = boxes[there][:MOST], np.asarray(objects["label"], "int64")[there][:MOST]
    return Scene(image, boxes, labels, None, flags["is_difficult"] | flags["is_crowd"], flags["is_crowd"])


def _masked(example, name, number, classes):
    image = _picture(example["image"], f"example {number} of {name}")
    mask = np.asarray(example["segmentation_mask"])[..., 0].astype("uint8")
    if mask.shape != image.shape[:2] or set(np.unique(mask)) - {*range(classes), VOID}:
        raise UserError(f"example {number} of {name} has a mask of another size or with unknown labels.")
    return Scene(image, np.zeros((0, 4), "float32"), np.zeros(0, "int64"), mask)


def _classes(example, count):
    """How many labels there are, as the first pictures show it (the Oxford pets count from 1 to 3)."""
    seen = [np.asarray(example(n)["segmentation_mask"]) for n in range(min(count, 50))]
    return 1 + max(int(mask[mask != VOID].max(initial=0)) for mask in seen)


def _picture(data, where):
    try:
        return pillow.decoded(data, 3) if isinstance(data, bytes) else np.asarray(data, "uint8")
    except Exception as error:
        raise UserError(f"{where} {pillow.fault(data)}.") from error
