"""Small data sets in the true forms of PASCAL VOC and COCO, of drawn scenes: JPEGs, XML, JSON, masks with a palette."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from keras_cnns.data.sources.shapes import scene
from keras_cnns.data.sources.voc import CLASSES, SIDES
from keras_cnns.inference.drawing import mask_picture

SIZE = (96, 128)  # height, width
TRAIN, VAL = 8, 4  # pictures


def voc(folder, size=SIZE):
    """VOCdevkit/VOC2012 as its archive has it: pictures, XML files, masks whose objects have a void rim, lists.

    The first picture of each list shows a difficult object, and the second one no object at all.
    """
    names = [f"2008_{n:06d}" for n in range(TRAIN + VAL)]
    for n, name in enumerate(names):
        split, number = ("train", n) if n < TRAIN else ("test", n - TRAIN)
        drawn = scene(number, split, size)
        objects = list(zip(drawn.boxes, drawn.classes, strict=True))
        mask, empty = drawn.mask, number == 1
        if empty:
            drawn.picture[:], mask[:], objects = drawn.picture[:1, :1], 0, []
        save(folder / "JPEGImages" / f"{name}.jpg", drawn.picture, quality=95)
        xml(folder / "Annotations" / f"{name}.xml", [(CLASSES[c], box, number == 0) for box, c in objects], size)
        mask = rimmed(mask)
        path = folder / "SegmentationClass" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        mask_picture(mask).save(path)
    more = [("test", names[TRAIN:])] if folder.name == "VOC2007" else []  # later years' test annotations are secret
    for task in ("Main", "Segmentation"):
        for split, part in (("train", names[:TRAIN]), ("val", names[TRAIN:]), ("trainval", names), *more):
            path = folder / "ImageSets" / task / f"{split}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{name}\n" for name in part))
            if task == "Main":
                path.with_name(f"cat_{split}.txt").write_text("".join(f"{name} -1\n" for name in part))
    return folder


def rimmed(mask):
    """The mask with VOC's rim of void, 255, between labels."""
    edges = np.zeros(mask.shape, bool)
    edges[1:] |= mask[1:] != mask[:-1]
    edges[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    return np.where(edges, 255, mask).astype("uint8")


def xml(path, objects, size=SIZE):
    """objects: (name, (x1, y1, x2, y2) of pixels that count from 0, difficult)."""
    root = ElementTree.Element("annotation")
    add(root, "folder", "VOC2012")
    add(root, "filename", f"{path.stem}.jpg")
    add(add(root, "source"), "database", "The VOC2008 Database")
    sides = add(root, "size")
    for name, value in (("width", size[1]), ("height", size[0]), ("depth", 3)):
        add(sides, name, value)
    add(root, "segmented", 1)
    for name, box, difficult in objects:
        result = add(root, "object")
        for key, value in (("name", name), ("pose", "Unspecified"), ("truncated", 0), ("difficult", int(difficult))):
            add(result, key, value)
        inner = add(result, "bndbox")
        for side, value in zip(SIDES, np.asarray(box, int) + [1, 1, 0, 0], strict=True):
            add(inner, side, int(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path)


def add(element, tag, text=None):
    child = ElementTree.SubElement(element, tag)
    child.text = None if text is None else str(text)
    return child


def coco(folder, size=SIZE, classes=10):
    """COCO's own folder: annotations/instances_train2017.json and _val2017, train2017/, val2017/; ids not in a row.

    The first picture of each split has a crowd as run lengths, and the second one no object at all. As in COCO,
    pictures of several splits are never called alike, and those of test2017 have no annotations.
    """
    categories = [{"id": n + 1 + n // 5, "name": f"digit {n}", "supercategory": "digit"} for n in range(classes)]
    places = {"train2017": ("train", TRAIN, 139), "val2017": ("test", VAL, 200), "test2017": ("test", 1, 16)}
    for split, (ours, count, first) in places.items():
        images, annotations = [], []
        for n in range(count):
            drawn, key = scene(n, ours, size), first + 146 * n
            file = f"{key:012d}.jpg"
            if n == 1:
                drawn.picture[:] = drawn.picture[:1, :1]
            save(folder / split / file, drawn.picture, quality=95)
            images.append({"id": key, "file_name": file, "height": size[0], "width": size[1], "license": 3})
            for i, (box, label) in enumerate(zip(drawn.boxes, drawn.classes, strict=True)):
                if n == 1:
                    continue
                x1, y1, x2, y2 = map(float, box)
                bbox, crowd = [x1, y1, x2 - x1, y2 - y1], int(n == 0 and i == 0)
                outline = [[x1, y1, x2, y1, x2, y2, x1, y2]]
                runs = {"counts": [size[0] * size[1]], "size": list(size)}
                row = {"id": 1000 * key + i, "image_id": key, "category_id": categories[label]["id"], "bbox": bbox}
                row |= {"area": bbox[2] * bbox[3], "iscrowd": crowd, "segmentation": runs if crowd else outline}
                annotations.append(row)
        content = {"info": {"year": 2017}, "licenses": [], "images": images, "annotations": annotations}
        content["categories"] = categories
        kind = "instances"
        if split == "test2017":
            kind = "image_info"
            del content["annotations"]
        path = folder / "annotations" / f"{kind}_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def prepared(name, unpacked, data_dir):
    """tensorflow-datasets' own builder of `name`, over folders that stand for what it would download and unpack.

    unpacked: what it asks for (voc: "trainval", "test") -> the folder.
    """
    builder = tfds.builder(name, data_dir=data_dir)
    with pytest.MonkeyPatch.context() as patch:
        manager = tfds.download.DownloadManager
        patch.setattr(manager, "download_and_extract", lambda self, asked: {key: str(unpacked[key]) for key in asked})
        builder.download_and_prepare()
    return builder


def save(path, pixels, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
