"""The recipes of segmentation and detection on small data sets in the true forms of PASCAL VOC and COCO: a look before
the run, a few steps, the measures, and what `predict` makes of the pictures."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.data.decoding import decoded
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.data.sources.voc import CLASSES
from keras_cnns.training import check as looks
from tests.data import true_files

NARROW_VGG = ("--overrides", "columns", "{'widths': (4, 8, 8, 8, 8)}", "fc", "(16,)")
PROPOSING = ("rpn", "8", "scales", "(16, 32, 64)", "before", "100", "proposals", "20")
NARROW_PYRAMID = ("--overrides", "columns", "{'widths': (8, 8, 8, 8)}", "width", "8", "fc", "(16,)", *PROPOSING[:2])
HEIGHT, WIDTH = true_files.SIZE
SMALL = ("--weights", "None", "--input-shape", str(HEIGHT), str(WIDTH), "3")
FEW = ("--max-steps", "3", "--batch-size", "4")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for year in ("VOC2007", "VOC2012"):
        true_files.voc(folder / "VOCdevkit" / year)
    true_files.coco(folder / "coco", classes=80)
    true_files.prepared("voc/2007", dict.fromkeys(("trainval", "test"), folder), folder / "data")
    return folder


def keras_cnns(*words, status=0):
    with pytest.raises(SystemExit) as left:
        commands.main([str(word) for word in words])
    assert left.value.code == status


def figures(out):
    values = json.loads((out / "metrics.json").read_text())
    (row,) = (out / "history.csv").read_text().splitlines()[-1:]
    assert np.isfinite([float(value) for value in row.split(",")]).all()
    return values


@pytest.mark.slow
def test_fcn8s_on_vocs_masks(files, tmp_path, capsys):
    data = ("--dataset", f"folder:{files}/VOCdevkit/VOC2012")
    keras_cnns("train", "fcn8s_voc", *data, "--out", tmp_path, *SMALL, *FEW, "--accumulate", "2", *NARROW_VGG)
    result = figures(tmp_path)
    assert list(result["classes"]) == ["background", *CLASSES] and 0 < result["pixel_accuracy"] < 1
    void = sum((np.asarray(Image.open(p)) == 255).sum() for p in held_out(files / "VOCdevkit" / "VOC2012"))
    assert result["pixels"] == true_files.VAL * HEIGHT * WIDTH - void and void
    pictures = sorted((files / "VOCdevkit" / "VOC2012" / "JPEGImages").iterdir())[:2]
    capsys.readouterr()
    keras_cnns("predict", *pictures, "--model", tmp_path / "best.keras", "--out", tmp_path / "drawn", "--json")
    shares = [sum(share for _, share in row["classes"]) for row in json.loads(capsys.readouterr().out)]
    assert shares == pytest.approx([1, 1])
    mask = Image.open(tmp_path / "drawn" / f"{pictures[0].stem}_mask.png")
    assert mask.mode == "P" and mask.size == (WIDTH, HEIGHT) and np.asarray(mask).max() <= len(CLASSES)


def held_out(folder):
    names = (folder / "ImageSets" / "Segmentation" / "val.txt").read_text().split()
    return [folder / "SegmentationClass" / f"{name}.png" for name in names]


@pytest.mark.slow
def test_faster_rcnn_on_voc_2007_by_tensorflow_datasets(files, tmp_path, capsys):
    more = ("--data-dir", files / "data", *SMALL, *FEW, *NARROW_VGG, *PROPOSING)
    keras_cnns("train", "faster_rcnn_voc", "--out", tmp_path, *more)
    result = figures(tmp_path)
    assert list(result["classes"]) == list(CLASSES) and result["examples"] == true_files.VAL
    assert {"map", "map_50", "voc_2007", "mistakes"} <= set(result)
    picture = next((files / "VOCdevkit" / "VOC2007" / "JPEGImages").iterdir())
    capsys.readouterr()
    keras_cnns("predict", picture, "--model", tmp_path / "model.keras", "--least", "0.01", "--json")
    message = json.loads(capsys.readouterr().out)
    assert message["images"] == [{"id": 1, "file_name": picture.name, "height": HEIGHT, "width": WIDTH}]
    assert [row["name"] for row in message["categories"]] == list(CLASSES)
    for row in message["annotations"]:
        x, y, width, height = row["bbox"]
        assert 0 <= x < x + width <= WIDTH and 0 <= y < y + height <= HEIGHT and 0.01 <= row["score"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["coco", "VOCdevkit/VOC2007"], ids=["coco", "voc"])
def test_a_detector_for_a_users_own_folder(form, files, tmp_path, capsys):
    data = ("--dataset", f"folder:{files / form}")
    keras_cnns("train", "detector_fine_tune", *data, "--out", tmp_path, *SMALL, *FEW, *NARROW_PYRAMID)
    result = figures(tmp_path)
    assert result["examples"] == true_files.VAL and len(result["classes"]) == (80 if form == "coco" else 20)
    pictures = files / form / ("val2017" if form == "coco" else "JPEGImages")
    out = tmp_path / "drawn"
    keras_cnns("predict", pictures, "--model", tmp_path / "best.keras", "--least", "0.01", "--out", out)
    assert {p.stem for p in out.iterdir()} == {p.stem for p in pictures.iterdir()}


@pytest.mark.parametrize(
    ("page", "data", "more"),
    [
        ("fcn8s_voc", "folder:{}/VOCdevkit/VOC2012", NARROW_VGG),
        ("faster_rcnn_voc", "voc/2007", NARROW_VGG + PROPOSING),
        pytest.param("detector_fine_tune", "folder:{}/coco", NARROW_PYRAMID, marks=pytest.mark.slow),
    ],
)
def test_a_look_before_the_run(page, data, more, files, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(looks.check.__kwdefaults__, "seconds", 1.0)  # too short to learn anything by heart
    place = ("--dataset", data.format(files), "--data-dir", files / "data", "--out", tmp_path / "none")
    keras_cnns("train", page, "--check", *place, *SMALL, *more, status=1)
    message = capsys.readouterr().out
    assert "OFF classes: never seen: " in message and "OFF eight pictures: not learned" in message
    assert ("void: " in message) == (page == "fcn8s_voc") and ("boxes: " in message) == (page != "fcn8s_voc")
    assert not (tmp_path / "none").exists()


def test_vocs_boxes_are_the_same_on_either_road(files):
    """tensorflow-datasets passes VOC's first pixel on, which is 1; ours is 0."""
    folder = files / "VOCdevkit" / "VOC2007"
    here = open_source(f"folder:{folder}", "test", "boxes")
    there = open_source("voc/2007", "test", "boxes", data_dir=str(files / "data"))
    joined = open_source("voc/2007", "train", "boxes", data_dir=str(files / "data"))
    assert here.names == there.names and joined.count == true_files.TRAIN + true_files.VAL
    first, other = ({key(scene): scene for n in range(4) for scene in [decoded(data, n)]} for data in (here, there))
    assert first.keys() == other.keys() and len(first) == true_files.VAL
    for name in first:
        np.testing.assert_allclose(first[name].boxes, other[name].boxes, atol=1e-3)
        for part in ("classes", "ignored", "crowd"):
            np.testing.assert_array_equal(getattr(first[name], part), getattr(other[name], part))
    assert sum(scene.ignored.sum() for scene in first.values()) == 1 and min(len(s.boxes) for s in first.values()) == 0


def key(scene):
    return scene.picture.tobytes()


def test_cocos_boxes_are_the_same_on_either_road(files, tmp_path):
    asked = [f"{split}_{part}" for split in ("train", "validation", "test") for part in ("images", "annotations")]
    true_files.prepared("coco/2017", dict.fromkeys(asked, files / "coco"), tmp_path)
    here = open_source(f"folder:{files}/coco", "test", "boxes")
    there = open_source("coco/2017", "test", "boxes", data_dir=str(tmp_path))
    assert here.names == there.names and len(here.names) == 80
    first, other = ({key(scene): scene for n in range(4) for scene in [decoded(data, n)]} for data in (here, there))
    assert first.keys() == other.keys() and len(first) == here.count == there.count == true_files.VAL
    for name in first:
        np.testing.assert_allclose(first[name].boxes, other[name].boxes, atol=1e-3)
        for part in ("classes", "ignored", "crowd"):
            np.testing.assert_array_equal(getattr(first[name], part), getattr(other[name], part))
    assert sum(scene.crowd.sum() for scene in first.values()) == 1 and min(len(s.boxes) for s in first.values()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--check",), ("--max-steps", "2")], ids=["check", "train"])
def test_an_impossible_box_ends_in_one_line(how, files, tmp_path, capsys):
    shutil.copytree(files / "VOCdevkit" / "VOC2012", tmp_path / "voc")
    for path in (tmp_path / "voc" / "Annotations").iterdir():
        true_files.xml(path, [("cat", (30, 5, 10, 20), False)])
    data = ("--dataset", f"folder:{tmp_path}/voc", "--out", tmp_path / "run")
    keras_cnns("train", "faster_rcnn_voc", *data, *how, *SMALL, *NARROW_VGG, *PROPOSING, status=2)
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and ".xml: a box is (30, 5, 10, 20), its end before its start" in line


@pytest.mark.slow
def test_pictures_without_any_object_train_and_are_nothing_to_learn_by_heart(files, tmp_path, capsys):
    shutil.copytree(files / "VOCdevkit" / "VOC2012", tmp_path / "voc")
    for path in (tmp_path / "voc" / "Annotations").iterdir():
        true_files.xml(path, [])
    more = ("--dataset", f"folder:{tmp_path}/voc", *SMALL, *NARROW_VGG, *PROPOSING)
    keras_cnns("train", "faster_rcnn_voc", "--out", tmp_path / "run", *FEW, *more)
    result = figures(tmp_path / "run")
    assert result["map"] == result["map_50"] == -1  # as COCO measures what is not there
    capsys.readouterr()
    keras_cnns("train", "faster_rcnn_voc", "--check", "--out", tmp_path / "none", *more, status=1)
    message = capsys.readouterr().out
    assert "OFF pictures without boxes: 100%" in message
    assert "OFF eight pictures: there is nothing in them to learn" in message
