"""A run belongs to its annotations: boxes, masks and pictures that changed since are refused or reported."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnns.data.sources.shapes import scene
from keras_cnns.support.errors import UserError
from keras_cnns.tasks import of
from keras_cnns.training import Recipe, run_folder, train
from keras_cnns.training.evaluation import evaluate_files

SIZE = (48, 64)  # height, width
SPLITS = {"train": 4, "val": 3}


@pytest.fixture
def boxes(tmp_path):
    """A COCO file for each split, two classes."""
    for split, count in SPLITS.items():
        images, rows = [], []
        for n in range(count):
            drawn = scene(n, "train" if split == "train" else "test", SIZE)
            path = tmp_path / split / f"{split}{n}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(drawn.picture).save(path)
            images.append({"id": n, "file_name": path.name})
            for x1, y1, x2, y2 in drawn.boxes.tolist():
                rows.append({"image_id": n, "category_id": 1 + len(rows) % 2, "bbox": [x1, y1, x2 - x1, y2 - y1]})
        kinds = [{"id": 1, "name": "even"}, {"id": 2, "name": "odd"}]
        content = {"images": images, "annotations": rows, "categories": kinds}
        (tmp_path / split / "boxes.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def masks(tmp_path):
    """Pictures and masks of each split."""
    (tmp_path / "classes.txt").write_text("background\nsquare\n")
    for split, count in SPLITS.items():
        for n in range(count):
            drawn = scene(n, "train" if split == "train" else "test", SIZE)
            for kind, pixels in (("images", drawn.picture), ("masks", (drawn.mask > 0).astype("uint8"))):
                path = tmp_path / kind / split / f"{split}{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return tmp_path


def claimed(folder, model, out):
    """What the run folder keeps, having compared the data with those of its first start."""
    recipe = Recipe(model, dataset=f"folder:{folder}", input_shape=(*SIZE, 3))
    task = of(recipe)
    splits = {split: task.load(split, 2) for split in ("train", "test")}
    out.mkdir(exist_ok=True)
    run_folder.claim(out, recipe, splits["train"].names, splits, {})
    return json.loads((out / "data.json").read_text())


def rewritten(folder, change):
    for path in folder.glob("*/boxes.json"):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))


def swapped_classes(content):
    for row in content["annotations"]:
        row["category_id"] = 3 - row["category_id"]


def one_box_moved(content):
    content["annotations"][0]["bbox"][0] += 1


def one_box_less(content):
    del content["annotations"][-1]


def a_crowd(content):
    content["annotations"][0]["iscrowd"] = 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("change", [swapped_classes, one_box_moved, one_box_less, a_crowd])
def test_boxes_that_changed_under_a_run_are_refused(boxes, tmp_path, change):
    claimed(boxes, "faster_rcnn", tmp_path / "run")
    assert claimed(boxes, "faster_rcnn", tmp_path / "run")["classes"] == ["even", "odd"]
    rewritten(boxes, change)
    with pytest.raises(UserError, match="as many pictures to train, but the pictures or their labels"):
        claimed(boxes, "faster_rcnn", tmp_path / "run")


def test_renamed_classes_are_refused(boxes, tmp_path):
    claimed(boxes, "faster_rcnn", tmp_path / "run")
    rewritten(boxes, lambda content: content["categories"][1].update(name="uneven"))
    with pytest.raises(UserError, match="other classes .*odd.*uneven"):
        claimed(boxes, "faster_rcnn", tmp_path / "run")


@pytest.mark.parametrize("split", SPLITS)
def test_masks_that_changed_under_a_run_are_refused(masks, tmp_path, split):
    claimed(masks, "fcn8s", tmp_path / "run")
    for path in (masks / "masks" / split).iterdir():
        Image.fromarray(1 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(UserError, match=f"as many pictures to {'train' if split == 'train' else 'test'}, but the"):
        claimed(masks, "fcn8s", tmp_path / "run")


def test_training_pictures_among_the_held_out_ones_are_reported(masks, boxes, tmp_path, caplog):
    shutil.copy(boxes / "train" / "train1.png", boxes / "val" / "val0.png")
    assert claimed(boxes, "faster_rcnn", tmp_path / "boxes")["duplicates"]["copies"] == 1
    shutil.copy(masks / "images" / "train" / "train2.png", masks / "images" / "val" / "val1.png")
    assert claimed(masks, "fcn8s", tmp_path / "masks")["duplicates"]["copies"] == 1
    assert caplog.text.count("1 of 3 held-out pictures are training pictures too") == 2


def test_the_background_of_an_older_run_has_another_name(masks, tmp_path):
    claimed(masks, "fcn8s", tmp_path / "run")
    path = tmp_path / "run" / "data.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"classes": ["ground", "square"]}))
    assert claimed(masks, "fcn8s", tmp_path / "run")["classes"] == ["background", "square"]


SMALL = {"backbone": "vgg11_bn", "columns": {"widths": (4, 8, 8, 8, 8), "fc": (8,)}}


def detector(folder, out, **changes):
    settings = {"overrides": SMALL, "batch_size": 2, "learning_rate": 0.0, "strategy": "one", "input_shape": (*SIZE, 3)}
    return Recipe("faster_rcnn", dataset=f"folder:{folder}", out=str(out), **settings | changes)


@pytest.mark.slow
def test_a_detector_without_progress_ends_early_and_is_measured(boxes, tmp_path):
    result = train(detector(boxes, tmp_path / "run", epochs=9, patience=2), quiet=True)
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    measured = evaluate_files([tmp_path / "run" / "model.keras"], detector(boxes, tmp_path / "measured"))
    assert measured["examples"] == 3 and measured["map"] == result.metrics["map"]
    with pytest.raises(UserError, match="several files and views are for classifiers"):
        evaluate_files([tmp_path / "run" / "model.keras"], detector(boxes, tmp_path / "measured"), views="ten_crops")


@pytest.mark.slow
def test_broken_pictures_with_boxes_are_skipped_and_counted(boxes, tmp_path, caplog):
    (boxes / "train" / "train1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="train1.png is not a picture that can be read.*skip_broken"):
        train(detector(boxes, tmp_path / "refused", epochs=1), quiet=True)
    result = train(detector(boxes, tmp_path / "run", epochs=1, skip_broken=1), quiet=True)
    assert len(result.history) == 1 and "train1.png" in caplog.text
