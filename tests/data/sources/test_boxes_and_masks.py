"""Boxes and masks of one's own and of data sets: small files of the true form, and all that can be wrong in them."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.data.decoding import decoded
from keras_cnns.data.pipeline import load
from keras_cnns.data.sources import voc
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.data.sources.sample import VOID

SIZE = (30, 40)  # height, width


def picture(path, size=SIZE, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype("uint8")
    Image.fromarray(pixels).save(path)
    return pixels


def xml(path, objects, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    inner = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>"
        + "".join(f"<{side}>{v}</{side}>" for side, v in zip(voc.SIDES, box, strict=True))
        + "</bndbox></object>"
        for name, box, difficult in objects
    )
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    source = "<source><database>The VOC2008 Database</database></source>" if path.stem.startswith("2008_") else ""
    path.write_text(f"<annotation><filename>{path.stem}.jpg</filename>{source}{sides}{inner}</annotation>")


@pytest.fixture
def devkit(tmp_path):
    """VOC's own layout: a train list of two, a val list of one, a picture without any object."""
    for n, objects in enumerate(
        [[("dog", (1, 1, 20, 10), 0), ("person", (5, 6, 40, 30), 1)], [], [("cat", (2, 3, 9, 9), 0)]]
    ):
        picture(tmp_path / "JPEGImages" / f"2008_00000{n}.png", seed=n)
        xml(tmp_path / "Annotations" / f"2008_00000{n}.xml", objects)
    for task in ("Main", "Segmentation"):
        lists = tmp_path / "ImageSets" / task
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("2008_000000\n2008_000001\n")
        (lists / "val.txt").write_text("2008_000002\n")
        (lists / "dog_train.txt").write_text("2008_000000 1\n2008_000001 -1\n")
    (tmp_path / "SegmentationClass").mkdir()
    for n in range(3):
        mask = Image.fromarray(np.pad(np.full((10, 10), 12, "uint8"), ((0, 20), (0, 30)), constant_values=VOID))
        mask.putpalette([0] * 768)
        mask.save(tmp_path / "SegmentationClass" / f"2008_00000{n}.png")
    return tmp_path


def test_pascal_vocs_own_folder(devkit):
    train, test = (open_source(f"folder:{devkit}", split, "boxes") for split in ("train", "test"))
    assert (train.count, test.count, train.names) == (2, 1, voc.CLASSES)
    first, second = decoded(train, 0), decoded(train, 1)
    np.testing.assert_array_equal(first.boxes, [[0, 0, 20, 10], [4, 5, 40, 30]])  # its pixels count from 1
    assert [voc.CLASSES[n] for n in first.classes] == ["dog", "person"] and first.ignored.tolist() == [False, True]
    np.testing.assert_array_equal(first.picture, picture(devkit / "again.png", seed=0))
    assert second.boxes.shape == (0, 4)
    masks = open_source(f"folder:{devkit}", "train", "mask")
    assert masks.names[0] == "background" and masks.names[12] == "dog" and masks.count == 2
    assert np.unique(decoded(masks, 0).mask).tolist() == [12, VOID]


def test_xml_files_beside_pictures_of_ones_own(tmp_path):
    for n in range(20):
        picture(tmp_path / f"p{n}.jpg", seed=n)
        xml(tmp_path / f"p{n}.xml", [("bolt" if n % 2 else "nut", (1, 1, 20, 10), 0)])
    train, test = (open_source(f"folder:{tmp_path}", split, "boxes") for split in ("train", "test"))
    assert train.names == ("bolt", "nut") and train.count + test.count == 20 and 0 < test.count < train.count
    data = load(f"folder:{tmp_path}", target="boxes", size=(60, 60), batch_size=2, split="test")
    image, target, _ = next(iter(data.dataset.as_numpy_iterator()))
    np.testing.assert_allclose(target["boxes"][0, 0], [0, 0, 30, 15])
    assert (
        target["scale"].tolist() == [1.5, 1.5] and target["count"].tolist() == [1, 1] and (image[:, 45:] == 114).all()
    )


def test_xml_files_in_folders_of_splits_and_a_list_of_classes(tmp_path):
    for split, count in (("train", 3), ("valid", 2)):
        for n in range(count):
            picture(tmp_path / split / f"{split}{n}.jpg", seed=n)
            xml(tmp_path / split / f"{split}{n}.xml", [("nut", (1, 1, 20, 10), 0)])
    (tmp_path / "classes.txt").write_text("bolt\nnut\n")
    train, test = (open_source(f"folder:{tmp_path}", split, "boxes") for split in ("train", "test"))
    assert (train.count, test.count) == (3, 2) and test.names == ("bolt", "nut") and decoded(test, 0).classes == [1]
    xml(tmp_path / "train" / "train1.xml", [("nutt", (1, 1, 20, 10), 0)])
    with pytest.raises(UserError, match="train1.xml has the class 'nutt'"):
        open_source(f"folder:{tmp_path}", "test", "boxes")
    xml(tmp_path / "valid" / "train1.xml", [])
    with pytest.raises(UserError, match="same name"):
        open_source(f"folder:{tmp_path}", "test", "boxes")


def coco(folder, *, images=2, categories=("nut", "bolt"), extra=(), **changed):
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": 10 + n, "file_name": f"p{n}.png", "height": 30, "width": 40} for n in range(images)],
        "annotations": [
            {"id": 1, "image_id": 10, "category_id": 7, "bbox": [2, 3, 10, 12], "iscrowd": 0},
            {"id": 2, "image_id": 10, "category_id": 3, "bbox": [0, 0, 40, 30], "iscrowd": 1},
            *extra,
        ],
        "categories": [{"id": i, "name": name} for i, name in zip((7, 3), categories, strict=True)],
    } | {name.rstrip("_"): value for name, value in changed.items()}
    (folder / "_annotations.coco.json").write_text(json.dumps(content))
    for n in range(images):
        picture(folder / f"p{n}.png", seed=n)
    return folder


def test_cocos_json(tmp_path):
    for split in ("train", "valid"):
        coco(tmp_path / split)
    data = open_source(f"folder:{tmp_path}", "test", "boxes")
    assert data.names == ("bolt", "nut") and data.count == 2  # in the order of their ids
    first = decoded(data, 0)
    np.testing.assert_array_equal(first.boxes, [[2, 3, 12, 15], [0, 0, 40, 30]])
    assert first.classes.tolist() == [1, 0] and first.crowd.tolist() == first.ignored.tolist() == [False, True]
    assert decoded(data, 1).boxes.shape == (0, 4)  # no annotation: a picture without an object


def test_the_classes_are_the_same_in_every_split(tmp_path):
    """Roboflow's root class is none; a class that one split happens not to show is one."""
    root = [{"id": 0, "name": "parts", "supercategory": "none"}]
    rows = [{"id": n, "name": name, "supercategory": "parts"} for n, name in ((7, "nut"), (3, "bolt"), (9, "screw"))]
    for split in ("train", "valid"):
        coco(tmp_path / split, categories_=root + rows)
    assert [open_source(f"folder:{tmp_path}", split, "boxes").names for split in ("train", "test")] == [
        ("bolt", "nut", "screw")
    ] * 2
    same = [rows[0], rows[1] | {"name": "parts"}]  # a class that is called as all of them are
    for split in ("train", "valid"):
        coco(tmp_path / split, categories_=root + same)
    assert open_source(f"folder:{tmp_path}", "train", "boxes").names == ("parts", "nut")
    for split in ("train", "valid"):
        coco(tmp_path / split, categories_=root + rows)
    coco(tmp_path / "valid", categories_=root + rows[:2])
    with pytest.raises(UserError, match="different lists of classes"):
        open_source(f"folder:{tmp_path}", "test", "boxes")


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ([{"id": 3, "image_id": 10, "category_id": 7, "bbox": [20, 3, -10, 12]}], "end before its start"),
        ([{"id": 3, "image_id": 10, "category_id": 7, "bbox": [float("nan"), 3, 10, 12]}], "nan"),
        ([{"id": 3, "image_id": 10, "category_id": 7, "bbox": [1, 2, 3]}], "four numbers"),
        ([{"id": 3, "image_id": 10, "category_id": 7}], "four numbers"),
        ([{"id": 3, "image_id": 99, "category_id": 7, "bbox": [1, 2, 3, 4]}], "picture 99"),
        ([{"id": 3, "image_id": 10, "category_id": 5, "bbox": [1, 2, 3, 4]}], "class 5"),
    ],
)
def test_an_annotation_that_cannot_be_is_named(tmp_path, extra, line):
    coco(tmp_path / "train", extra=extra)
    with pytest.raises(UserError, match=line) as error:
        decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 0)
    assert "_annotations.coco.json" in str(error.value) and "\n" not in str(error.value)


def test_cocos_own_folder_has_several_files_for_each_split(tmp_path):
    """Boxes are those of the instances; people's keypoints and captions are of the same pictures."""
    coco(tmp_path / "all")
    content = json.loads((tmp_path / "all" / "_annotations.coco.json").read_text())
    (tmp_path / "all" / "_annotations.coco.json").unlink()
    for name in ("instances_train2017", "instances_val2017"):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "person_keypoints_train2017.json").write_text(json.dumps(content | {"annotations": []}))
    (tmp_path / "captions_train2017.json").write_text(json.dumps({"images": content["images"], "annotations": []}))
    data = open_source(f"folder:{tmp_path}", "train", "boxes")
    assert data.count == 2 and len(decoded(data, 0).boxes) == 2
    (tmp_path / "instances_train2017.json").unlink()
    with pytest.raises(UserError, match="2 JSON files for train"):
        open_source(f"folder:{tmp_path}", "train", "boxes")


def test_json_as_other_tools_write_it(tmp_path):
    """Ids as texts or with a point and not in a row, sizes as texts, folders as on Windows, a mark before the first
    bracket, a crowd as run lengths, more fields, names with spaces and other letters."""
    runs = {"counts": [4, 2, 4], "size": [30, 40]}
    rows = [
        {"id": "a", "image_id": "x", "category_id": 90.0, "bbox": [2, 3, 10.5, 12], "iscrowd": 0, "segmentation": []},
        {"id": "b", "image_id": "x", "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1, "segmentation": runs},
    ]
    images = [
        {"id": "x", "file_name": "ein Bild\\größe 1.png", "height": "30", "width": 40.0, "license": 3},
        {"id": 2.0, "file_name": "p0.png"},
    ]
    kinds = [{"id": 90, "name": "nut"}, {"id": 3, "name": "bolt", "supercategory": None}]
    coco(tmp_path / "train", images=1, images_=images, annotations=rows, categories_=kinds, info={"year": 2026})
    (tmp_path / "train" / "ein Bild").mkdir()
    picture(tmp_path / "train" / "ein Bild" / "größe 1.png", seed=5)
    path = tmp_path / "train" / "_annotations.coco.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    data = open_source(f"folder:{tmp_path}", "train", "boxes")
    assert data.names == ("bolt", "nut") and data.count == 2
    sample = decoded(data, 0)
    np.testing.assert_array_equal(sample.boxes, [[2, 3, 12.5, 15], [0, 0, 9, 9]])
    assert sample.classes.tolist() == [1, 0] and sample.crowd.tolist() == [False, True]
    coco(tmp_path / "train", images=1, annotations=[])
    assert decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 0).boxes.shape == (0, 4)


def test_pictures_of_one_name_in_several_folders(tmp_path):
    coco(tmp_path / "train", images=1)
    (tmp_path / "train" / "p0.png").unlink()
    for n, name in enumerate(("left", "right")):
        (tmp_path / name).mkdir()
        picture(tmp_path / name / "p0.png", seed=n)
    with pytest.raises(UserError, match="names p0.png, and several pictures"):
        open_source(f"folder:{tmp_path}", "train", "boxes")
    rows = [{"id": 10 + n, "file_name": f"{name}/p0.png"} for n, name in enumerate(("left", "right"))]
    coco(tmp_path / "train", images=0, images_=rows)
    first, second = (decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), n).picture for n in (0, 1))
    assert (first != second).any()
    (tmp_path / "right" / "p0.png").unlink()
    with pytest.raises(UserError, match="one picture for both"):
        open_source(f"folder:{tmp_path}", "train", "boxes")


@pytest.mark.parametrize(
    ("part", "value", "line"),
    [
        ("annotations", {"1": []}, "annotations are not a list"),
        ("annotations", [[2, 3, 4, 5]], "annotations are not a list"),
        ("annotations", [{"image_id": [10], "category_id": 7, "bbox": [1, 2, 3, 4]}], "picture .10."),
        ("annotations", [{"image_id": 10, "category_id": {}, "bbox": [1, 2, 3, 4]}], "class {}"),
        ("annotations", [{"image_id": 10, "category_id": 7, "bbox": ["1", "2", "3", "4"]}], "four numbers"),
        ("annotations", [{"image_id": 10, "category_id": 7, "bbox": "1, 2, 3, 4"}], "four numbers"),
        ("images_", "p0.png", "images are not a list"),
        ("images_", [{"id": {}, "file_name": "p0.png"}], "file_name each"),
        ("images_", [{"id": 10, "file_name": 3}], "file_name each"),
        ("images_", [{"id": 10, "file_name": "p0.png", "height": "tall", "width": 40}], "tall"),
        ("categories_", [{"id": 7, "name": "nut"}, {"id": 3, "name": "nut"}], "two classes are called 'nut'"),
        ("categories_", [{"id": 7, "name": "nut"}, {"id": 7, "name": "bolt"}], "the same id"),
        ("categories_", [{"id": [7], "name": "nut"}], "no list of classes"),
        ("categories_", ["nut", "bolt"], "no list of classes"),
        ("categories_", {"7": "nut"}, "no list of classes"),
    ],
)
def test_json_of_another_form_is_named(tmp_path, part, value, line):
    coco(tmp_path / "train", images=1, **{part: value})
    with pytest.raises(UserError, match=line) as error:
        decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 0)
    assert "_annotations.coco.json" in str(error.value) and "\n" not in str(error.value)


def test_boxes_outside_and_without_area_are_left_out_with_a_warning(tmp_path, caplog):
    extra = [
        {"id": n, "image_id": 10, "category_id": 7, "bbox": box}
        for n, box in enumerate([[100, 100, 5, 5], [4, 4, 0, 8], [-5, -5, 10, 10]], start=3)
    ]
    coco(tmp_path / "train", extra=extra)
    sample = decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 0)
    np.testing.assert_array_equal(sample.boxes[2:], [[0, 0, 5, 5]])  # what reaches over the border is cut there
    assert "(100, 100, 105, 105) has no area" in caplog.text


def test_boxes_as_fractions_of_the_picture_are_refused(tmp_path):
    row = {"id": 1, "image_id": 10, "category_id": 7}
    coco(tmp_path / "coco", annotations=[row | {"bbox": [0.1, 0.2, 0.5, 0.25]}, row | {"bbox": [0, 0, 1, 1]}])
    picture(tmp_path / "voc" / "a.png")
    xml(tmp_path / "voc" / "a.xml", [("nut", (0.1, 0.2, 0.5, 1), 0)])
    for form in ("coco", "voc"):
        with pytest.raises(UserError, match=f"{form}.*fractions of the picture"):
            open_source(f"folder:{tmp_path}/{form}", "train", "boxes")


def test_boxes_of_one_pixel_are_no_fractions(tmp_path):
    coco(tmp_path / "train", annotations=[{"id": 1, "image_id": 10, "category_id": 7, "bbox": [0, 0, 1, 1]}])
    assert decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 0).boxes.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("categories", "refused"),
    [(("nut", "Nut"), True), (("hex nut", "hex Nut"), True), (("a", "A"), False), (("key_a", "key_A"), False)],
)
def test_classes_that_differ_in_case_only(tmp_path, categories, refused):
    coco(tmp_path / "train", categories=categories)
    if not refused:
        assert set(open_source(f"folder:{tmp_path}", "train", "boxes").names) == set(categories)
        return
    with pytest.raises(UserError, match="differ in case only"):
        open_source(f"folder:{tmp_path}", "train", "boxes")


def test_pictures_and_json_that_do_not_belong_together(tmp_path, caplog):
    coco(tmp_path / "train", images=2)
    picture(tmp_path / "train" / "stray.png")
    assert open_source(f"folder:{tmp_path}", "train", "boxes").count == 2 and "stray.png" in caplog.text
    (tmp_path / "train" / "p1.png").unlink()
    with pytest.raises(UserError, match="p1.png"):
        open_source(f"folder:{tmp_path}", "train", "boxes")
    picture(tmp_path / "train" / "p1.png", size=(40, 30))
    with pytest.raises(UserError, match="p1.png.*rotated"):
        decoded(open_source(f"folder:{tmp_path}", "train", "boxes"), 1)
    (tmp_path / "train" / "_annotations.coco.json").write_text("{")
    with pytest.raises(UserError, match="JSON"):
        open_source(f"folder:{tmp_path}", "train", "boxes")


def test_xml_that_cannot_be(tmp_path):
    picture(tmp_path / "a.png")
    for objects, line in [
        ([("nut", (20, 1, 10, 10), 0)], "a.xml.*end before"),
        ([("nut", ("nan", 1, 10, 10), 0)], "a.xml.*nan"),
        ([("nut", ("x", 1, 10, 10), 0)], "a.xml"),
    ]:
        xml(tmp_path / "a.xml", objects)
        for split in ("train", "test"):  # it is in one of them
            try:
                data = open_source(f"folder:{tmp_path}", split, "boxes")
            except UserError as error:
                if "too few" in str(error):
                    continue
                assert "a.xml" in str(error)
                break
            with pytest.raises(UserError, match=line):
                decoded(data, 0)
            break
    xml(tmp_path / "a.xml", [])
    xml(tmp_path / "b.xml", [])
    with pytest.raises(UserError, match="b.xml has no picture"):
        [open_source(f"folder:{tmp_path}", split, "boxes") for split in ("train", "test")]


@pytest.fixture
def pairs(tmp_path):
    """Cityscapes' words."""
    (tmp_path / "classes.txt").write_text("ground\nroad\ncar\n")
    for split, count in (("train", 2), ("val", 1)):
        for n in range(count):
            picture(tmp_path / "leftImg8bit" / split / "ulm" / f"ulm_{n}_leftImg8bit.png", seed=n)
            values = np.zeros(SIZE, "uint8")
            values[5:, 5:], values[20:], values[:, :2] = 1, 2, VOID
            path = tmp_path / "gtFine" / split / "ulm" / f"ulm_{n}_gtFine_labelTrainIds.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
    return tmp_path


def test_folders_of_pictures_and_masks(pairs):
    train, test = (open_source(f"folder:{pairs}", split, "mask") for split in ("train", "test"))
    assert train.names == ("ground", "road", "car") and (train.count, test.count) == (2, 1)
    assert np.unique(decoded(train, 1).mask).tolist() == [0, 1, 2, VOID]
    data = load(f"folder:{pairs}", target="mask", size=(60, 60), batch_size=1, split="test")
    _, mask, _ = next(iter(data.dataset.as_numpy_iterator()))
    assert (mask[0, 45:] == VOID).all() and set(np.unique(mask)) == {0, 1, 2, VOID}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.zeros((10, 10), "uint8"), "10 x 10.*40 x 30"),
        (np.full(SIZE, 7, "uint8"), "label 7"),
        (np.random.default_rng(0).integers(0, 3, (*SIZE, 3)).astype("uint8"), "coloured"),
    ],
)
def test_a_mask_that_cannot_be_is_named(pairs, values, line):
    path = next((pairs / "gtFine" / "val").rglob("*.png"))
    Image.fromarray(values).save(path)
    with pytest.raises(UserError, match=line) as error:
        decoded(open_source(f"folder:{pairs}", "test", "mask"), 0)
    assert path.name in str(error.value)


def test_a_picture_without_a_mask_and_a_mask_without_a_picture(pairs):
    mask = next((pairs / "gtFine" / "val").rglob("*.png"))
    mask.rename(mask.with_name("other_gtFine_labelTrainIds.png"))
    with pytest.raises(UserError, match="ulm_0_leftImg8bit.png has no mask"):
        open_source(f"folder:{pairs}", "train", "mask")
    next((pairs / "leftImg8bit" / "val").rglob("*.png")).unlink()
    with pytest.raises(UserError, match="other_gtFine.*has no picture"):
        open_source(f"folder:{pairs}", "train", "mask")
    (pairs / "leftImg8bit").rename(pairs / "images")
    (pairs / "gtFine").rename(pairs / "masks")
    for path in (pairs / "images").rglob("*.png"):
        path.rename(path.with_name(path.name.replace("_leftImg8bit", "")))
    for path in (pairs / "masks").rglob("*.png"):
        path.rename(path.with_name(path.name.replace("_gtFine_labelTrainIds", "")))
    next((pairs / "masks").rglob("other.png")).unlink()
    assert open_source(f"folder:{pairs}", "train", "mask").count == 2
    (pairs / "classes.txt").unlink()
    with pytest.raises(UserError, match="classes.txt"):
        open_source(f"folder:{pairs}", "train", "mask")


def prepared(folder):
    """Two pictures with boxes and a mask each, in tensorflow-datasets' own files."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    kinds = tfds.features
    objects = {"bbox": kinds.BBoxFeature(), "label": kinds.ClassLabel(names=["nut", "bolt"]), "is_difficult": np.bool_}
    features = {"image": kinds.Image(shape=(None, None, 3)), "objects": kinds.Sequence(objects)}
    features["segmentation_mask"] = kinds.Image(shape=(None, None, 1), use_colormap=True)
    rng = np.random.default_rng(0)

    def examples():
        for n in range(2):
            boxes = np.array([[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1]], "float32")[: 2 - n]
            yield {
                "image": rng.integers(0, 256, (*SIZE, 3)).astype("uint8"),
                "objects": {"bbox": boxes, "label": np.arange(2 - n), "is_difficult": np.arange(2 - n) > 0},
                "segmentation_mask": np.full((*SIZE, 1), n, "uint8"),
            }

    signature = {
        "image": tf.TensorSpec((None, None, 3), tf.uint8),
        "objects": {
            "bbox": tf.TensorSpec((None, 4), tf.float32),
            "label": tf.TensorSpec((None,), tf.int64),
            "is_difficult": tf.TensorSpec((None,), tf.bool),
        },
        "segmentation_mask": tf.TensorSpec((None, None, 1), tf.uint8),
    }
    data = {split: tf.data.Dataset.from_generator(examples, output_signature=signature) for split in ("train", "test")}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="parts", version="1.0.0", features=kinds.FeaturesDict(features), split_datasets=data, data_dir=folder
    )


def test_tensorflow_datasets(tmp_path):
    prepared(tmp_path)
    options = {"size": (60, 80), "batch_size": 2, "split": "test", "data_dir": str(tmp_path)}
    data = load("parts", target="boxes", **options)
    image, target, weight = next(iter(data.dataset.as_numpy_iterator()))
    assert data.names == ("nut", "bolt") and image.shape == (2, 60, 80, 3) and weight.tolist() == [1, 1]
    two = int(target["count"].argmax())  # their order is tensorflow-datasets' own
    assert sorted(target["count"]) == [1, 2] and target["ignored"][two, :2].tolist() == [False, True]
    np.testing.assert_allclose(target["boxes"][two, :2], [[16, 6, 48, 30], [0, 0, 80, 60]], atol=1e-4)
    _, mask, _ = next(iter(load("parts", target="mask", **options).dataset.as_numpy_iterator()))
    assert sorted(np.unique(m).tolist() for m in mask) == [[0], [1]]


@pytest.mark.parametrize(
    ("name", "targets", "line"), [("voc/2007", "mask", "no masks"), ("mnist", "boxes", "no boxes")]
)
def test_a_data_set_without_them_is_refused(name, targets, line):
    with pytest.raises(UserError, match=line):
        load(name, target=targets, size=(64, 64), batch_size=2, split="test")


def test_voc_that_is_not_prepared_is_named(tmp_path):
    with pytest.raises(UserError, match="voc/2007.*--download"):
        load("voc/2007", target="boxes", size=(64, 64), batch_size=2, split="test", data_dir=str(tmp_path))
