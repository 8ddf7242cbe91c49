"""What can be wrong in files of PASCAL VOC's and COCO's true form: a line that names the file, or the right answer."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.data.decoding import decoded
from keras_cnns.data.sources.by_name import open_source
from tests.data import true_files

NAME = "2008_000002"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    true_files.voc(folder / "voc")
    true_files.coco(folder / "coco")
    return folder


@pytest.fixture
def voc(made, tmp_path):
    return shutil.copytree(made / "voc", tmp_path / "voc")


@pytest.fixture
def coco(made, tmp_path):
    return shutil.copytree(made / "coco", tmp_path / "coco")


def everything(folder, targets="boxes", split="train"):
    data = open_source(f"folder:{folder}", split, targets)
    return [decoded(data, number) for number in range(data.count)]


def refused(folder, line, targets="boxes"):
    with pytest.raises(UserError, match=line) as error:
        everything(folder, targets)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (r"<xmin>\d+", "<xmin>nan", f"{NAME}.xml: a box is .nan"),
        (r"<xmax>\d+", "<xmax>inf", f"{NAME}.xml: a box is .*inf"),
        (r"<xmax>\d+", "<xmax>1e99", f"{NAME}.xml: a box is .*inf"),
        (r"<xmax>\d+", "<xmax>1", f"{NAME}.xml: a box is .*end before its start"),
        (r"<ymax>\d+", "<ymax>-7", f"{NAME}.xml: a box is .*end before its start"),
        (r"<xmin>\d+", "<xmin>left", f"{NAME}.xml.*bndbox/xmin 'left', and it must be a number"),
        (r"<xmin>\d+", "<xmin>3,5", f"{NAME}.xml.*bndbox/xmin '3,5', and it must be a number"),
        (r"<xmin>\d+</xmin>", "", f"{NAME}.xml.*bndbox/xmin None, and it must be a number"),
        (r"<bndbox>.*?</bndbox>", "", f"{NAME}.xml.*the object .* has no bndbox"),
        (r"<name>\w+</name>", "", f"{NAME}.xml.*an object has no name"),
        (r"<name>\w+</name>", "<name> </name>", f"{NAME}.xml.*an object has no name"),
        (r"<width>\d+", "<width>wide", f"{NAME}.xml.*size/width 'wide', and it must be a number"),
        (r"<width>\d+", "<width>", f"{NAME}.xml.*size/width '', and it must be a number"),
        (r"<width>\d+", "<width>nan", f"{NAME}.xml"),
        (r"<width>\d+", "<width>96", f"{NAME}.xml says that the picture is 96 x 96 pixels.*rotated"),
        (r"<difficult>0", "<difficult>maybe", f"{NAME}.xml.*difficult 'maybe', and it must be 0 or 1"),
        (r"^", "<html>", f"{NAME}.xml as VOC's XML"),
        (r"annotation>", "notes>", f"{NAME}.xml.*a file of 'notes'"),
        (r"</annotation>", "", f"{NAME}.xml as VOC's XML"),
        (r".*", "", f"{NAME}.xml as VOC's XML"),
    ],
)
def test_xml_that_cannot_be_is_named(voc, old, new, line):
    path = voc / "Annotations" / f"{NAME}.xml"
    path.write_text(re.sub(old, new, path.read_text(), count=2 if old == "annotation>" else 1, flags=re.S))
    refused(voc, line)


@pytest.mark.parametrize(
    ("old", "new", "ignored"),
    [
        (r"<size>.*?</size>", "", False),
        (r"<width>\d+", "<width>128.0", False),
        (r"<width>\d+", "<width>0", False),
        (r"<difficult>0</difficult>", "", False),
        (r"<difficult>0", "<difficult> 1\n", True),
        (r"<difficult>0", "<difficult>True", True),
        (r"<bndbox>", "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part><bndbox>", False),
    ],
)
def test_xml_as_other_tools_write_it(voc, made, old, new, ignored):
    path = voc / "Annotations" / f"{NAME}.xml"
    path.write_text(re.sub(old, new, path.read_text(), count=1, flags=re.S))
    plain, sample = (everything(folder)[2] for folder in (made / "voc", voc))
    np.testing.assert_array_equal(sample.boxes, plain.boxes)
    assert sample.ignored.tolist() == [ignored] + [False] * (len(plain.boxes) - 1)


def test_the_masks_beside_the_pictures_are_no_pictures(voc, made):
    """VOC's archive has masks of objects too, by the pictures' names."""
    shutil.copytree(voc / "SegmentationClass", voc / "SegmentationObject")
    for first, other in zip(everything(voc), everything(made / "voc"), strict=True):
        np.testing.assert_array_equal(first.picture, other.picture)


def test_a_folder_above_vocs_own_and_files_of_one_name(voc, caplog):
    with pytest.raises(UserError, match=f"holds PASCAL VOC's voc: give folder:{voc}"):
        open_source(f"folder:{voc.parent}", "train", "boxes")
    picture = voc / "JPEGImages" / f"{NAME}.jpg"
    shutil.copy(picture, voc / "JPEGImages" / "stray.jpg")
    assert len(everything(voc)) == true_files.TRAIN and "stray.jpg" in caplog.text
    shutil.copy(picture, picture.with_suffix(".png"))
    refused(voc, f"{NAME}.xml belongs to one picture, and there are both .*{NAME}.jpg and .*{NAME}.png")
    refused(voc, f"{NAME}.png belongs to one picture", targets="mask")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"cat\ndog\n", "has the class 'aeroplane', which is not in"),
        (b"\n \n", "1 to 254 different names"),
        (b"cat\ncat\n", "1 to 254 different names"),
        (b"\xe4\n", "cannot read the names of classes"),
    ],
)
def test_a_list_of_classes_that_cannot_be(voc, text, line):
    (voc / "classes.txt").write_bytes(text)
    refused(voc, line)


def test_a_list_of_classes_with_a_mark_before_it(voc):
    (voc / "classes.txt").write_text("\n".join(true_files.CLASSES), encoding="utf-8-sig")
    assert open_source(f"folder:{voc}", "train", "boxes").names == true_files.CLASSES


def test_a_class_that_is_not_vocs_and_a_list_that_is_not_text_are_named(voc, caplog):
    path = voc / "Annotations" / f"{NAME}.xml"
    path.write_text(re.sub(r"<name>\w+", "<name>unicorn", path.read_text(), count=1))
    assert "unicorn" in open_source(f"folder:{voc}", "train", "boxes").names and "'unicorn'" in caplog.text
    (voc / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xf5\n")
    refused(voc, "train.txt")


def drawn(mask):
    mask[:9, :9] = 21
    return mask


@pytest.mark.parametrize(
    ("change", "suffix", "line"),
    [
        (drawn, ".png", "has the label 21, and the classes are 0 .. 20"),
        (lambda mask: mask.astype("uint16") + 256, ".png", "has the label 256"),
        (lambda mask: mask[:50], ".png", "the mask is 128 x 50 pixels, and its picture 128 x 96"),
        (lambda mask: mask.T, ".png", "the mask is 96 x 128 pixels, and its picture 128 x 96"),
        (lambda mask: np.stack([mask, mask, 0 * mask], -1), ".png", "a coloured picture"),
        (lambda mask: mask.astype("float32"), ".tif", "fractional samples"),
        (lambda mask: mask, ".jpg", "a JPEG, which changes the values"),
    ],
)
def test_a_mask_that_cannot_be_is_named(voc, change, suffix, line):
    path = voc / "SegmentationClass" / f"{NAME}.png"
    mask = np.array(Image.open(path))
    path.unlink()
    Image.fromarray(change(mask)).save(path.with_suffix(suffix))
    refused(voc, f"{NAME}{suffix}.* {line}", targets="mask")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_a_file_that_is_no_picture_is_named(voc, data):
    (voc / "JPEGImages" / f"{NAME}.jpg").write_bytes(data)
    refused(voc, f"{NAME}.jpg is .*remove it")
    (voc / "JPEGImages" / f"{NAME}.jpg").unlink()
    refused(voc, f"{NAME}.xml has no picture")
    (voc / "SegmentationClass" / f"{NAME}.png").write_bytes(data)
    with pytest.raises(UserError, match=f"{NAME}.png has no picture"):
        everything(voc, "mask")


def cmyk(picture, path):
    picture.convert("CMYK").save(path, quality=95)


def grey(picture, path):
    picture.convert("L").save(path, quality=95)


def sixteen_bits(picture, path):
    Image.fromarray(np.asarray(picture.convert("L")).astype("uint16") * 257).save(path, "PNG")


def palette(picture, path):
    picture.quantize(256).save(path, "PNG")


def turned(picture, path):
    """As a camera that was held upright keeps it: lying, with a note."""
    notes = picture.getexif()
    notes[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=notes)


@pytest.mark.parametrize("how", [cmyk, grey, sixteen_bits, palette, turned])
def test_pictures_of_other_kinds_show_what_they_show(voc, made, how):
    path = voc / "JPEGImages" / f"{NAME}.jpg"
    how(Image.open(path).convert("RGB"), path)
    first, other = (everything(folder)[2] for folder in (voc, made / "voc"))
    np.testing.assert_array_equal(first.boxes, other.boxes)
    shown = other.picture.mean(-1) if how in (grey, sixteen_bits) else other.picture
    seen = first.picture.mean(-1) if how in (grey, sixteen_bits) else first.picture
    assert first.picture.shape == other.picture.shape and np.abs(seen - shown.astype(float)).mean() < 12


def test_a_box_of_one_pixel_and_one_that_is_larger_than_the_picture(voc):
    objects = [("cat", (5, 6, 6, 7), False), ("dog", (-40, -40, 400, 400), False), ("cow", (127, 95, 128, 96), False)]
    true_files.xml(voc / "Annotations" / f"{NAME}.xml", objects)
    sample = everything(voc)[2]
    np.testing.assert_array_equal(sample.boxes, [[5, 6, 6, 7], [0, 0, 128, 96], [127, 95, 128, 96]])


def changed(coco, change, split="train2017"):
    path = coco / "annotations" / f"instances_{split}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"bbox": [10**400, 1, 2, 3]}, "a box is .inf"),
        ({"bbox": [1e200, 1, 2, 3]}, "a box is .inf"),
        ({"bbox": [9, 9, -1e200, 3]}, "a box is .*inf"),
        ({"iscrowd": "0"}, "iscrowd '0', and it must be 0 or 1"),
        ({"iscrowd": 2}, "iscrowd 2, and it must be 0 or 1"),
        ({"iscrowd": [0]}, r"iscrowd \[0\], and it must be 0 or 1"),
        ({"ignore": "no"}, "ignore 'no', and it must be 0 or 1"),
        ({"category_id": True}, "class True, which is not in it"),
        ({"image_id": None}, "picture None, which is not in it"),
    ],
)
def test_an_annotation_that_cannot_be_is_named(coco, row, line):
    changed(coco, lambda content: content["annotations"][5].update(row))
    refused(coco, line)


def test_what_need_not_be_found(coco):
    rows = ({"iscrowd": None}, {"iscrowd": True}, {"ignore": 1}, {"ignore": 0})
    changed(coco, lambda content: [a.update(r) for a, r in zip(content["annotations"][3:], rows, strict=False)])
    sample = everything(coco)[2]
    assert sample.crowd.tolist() == [False, True] + [False] * (len(sample.boxes) - 2)
    assert sample.ignored.tolist() == [False, True, True] + [False] * (len(sample.boxes) - 3)


def test_pictures_of_one_name_in_the_folders_of_several_splits(coco):
    """Each split's JSON means its own; one that is missing there is not taken from the other split."""
    for split in ("train2017", "val2017"):
        rename = {}
        for n, path in enumerate(sorted((coco / split).iterdir())):
            rename[path.name] = f"{n}.jpg"
            path.rename(path.with_name(f"{n}.jpg"))
        changed(coco, lambda c, r=rename: [i.update(file_name=r[i["file_name"]]) for i in c["images"]], split)
    for split, folder in (("train", "train2017"), ("test", "val2017")):
        for n, scene in enumerate(everything(coco, split=split)):
            np.testing.assert_array_equal(scene.picture, np.asarray(Image.open(coco / folder / f"{n}.jpg")))
    (coco / "train2017" / "2.jpg").unlink()
    refused(coco, "names 2.jpg, which is not in")


def test_folders_above_in_a_pictures_name(coco, made, caplog):
    changed(coco, lambda c: [i.update(file_name=f"../train2017/{i['file_name']}") for i in c["images"]])
    for first, other in zip(everything(coco), everything(made / "coco"), strict=True):
        np.testing.assert_array_equal(first.picture, other.picture)
    assert "left out" not in caplog.text
