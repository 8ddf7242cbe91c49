"""Boxes and masks of pictures of any size: in their own pixels, drawn, in COCO's form, of .keras and .tflite."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.cli.commands import main
from keras_cnns.data.sources.class_names import voc_colour
from keras_cnns.data.sources.shapes import scene
from keras_cnns.inference import drawing
from keras_cnns.inference.predict import predict
from keras_cnns.saving.card import Card, write_card
from tests.models.test_faster_rcnn import small

LABELS = ("nut", "bolt", "screw")


@keras.saving.register_keras_serializable("tests")
class Answer(keras.layers.Layer):
    """Says that a nut lies at (8, 16, 40, 48) of every picture, and a bolt at (0, 0, 4, 4) that it doubts."""

    def call(self, image):
        ones = keras.ops.ones_like(image[:, :1, 0, 0])
        boxes = keras.ops.convert_to_tensor([[[8.0, 16, 40, 48], [0, 0, 4, 4], [0, 0, 0, 0]]])
        classes = keras.ops.cast(ones, "int32") * keras.ops.convert_to_tensor([[0, 1, -1]])
        scores = ones * keras.ops.convert_to_tensor([[0.9, 0.3, 0.0]])
        return {"boxes": ones[..., None] * boxes, "classes": classes, "scores": scores}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector and a segmenter with labels, and two pictures: twice as large as their input, and upright."""
    folder = tmp_path_factory.mktemp("places")
    image = keras.Input((64, 96, 3))
    segmenter = keras.Model(image, keras.layers.Softmax()(keras.layers.Conv2D(3, 1)(image)))
    for name, model in (("detector", keras.Model(image, Answer()(image))), ("segmenter", segmenter)):
        model.save(folder / f"{name}.keras")
        write_card(folder / f"{name}.keras", Card(name, LABELS))
    (folder / "pictures").mkdir()
    for name, size in (("wide", (128, 192)), ("tall", (80, 40))):
        Image.fromarray(scene(3, "test", size).picture).save(folder / "pictures" / f"{name}.png")
    return folder


def test_boxes_are_in_the_pictures_own_pixels(folder):
    tall, wide = predict(folder / "detector.keras", folder / "pictures")
    assert wide["size"] == [128, 192] and [row["class"] for row in wide["objects"]] == ["nut"]
    assert wide["objects"][0]["box"] == [16, 32, 80, 96] and wide["objects"][0]["score"] == pytest.approx(0.9)
    scale = 64 / 80  # the upright one is laid to the left, and what reaches over its border is cut
    assert tall["objects"][0]["box"] == pytest.approx([8 / scale, 16 / scale, 40, 48 / scale], abs=0.02)
    doubted = predict(folder / "detector.keras", folder / "pictures" / "wide.png", least=0.2)[0]["objects"]
    assert [row["class"] for row in doubted] == ["nut", "bolt"]


def test_a_mask_has_the_pictures_size_and_shares_sum_to_one(folder, tmp_path):
    tall, wide = predict(folder / "segmenter.keras", folder / "pictures", out=tmp_path)
    assert sum(share for _, share in tall["classes"]) == pytest.approx(1)
    assert {label for label, _ in wide["classes"]} <= set(LABELS)
    mask = np.asarray(Image.open(tmp_path / "tall_mask.png"))
    assert mask.shape == (80, 40) and mask.max() <= 2
    assert Image.open(tmp_path / "wide.png").size == (192, 128)


def test_what_is_drawn(folder, tmp_path):
    predict(folder / "detector.keras", folder / "pictures" / "wide.png", out=tmp_path)
    before = np.asarray(Image.open(folder / "pictures" / "wide.png").convert("RGB"))
    after = np.asarray(Image.open(tmp_path / "wide.png"))
    assert after.shape == (4 * 128, 4 * 192, 3)  # enlarged, so that the text does not hide the objects
    frame = after[4 * 60, 4 * 16], after[4 * 60, 4 * 80 - 1], after[4 * 96 - 1, 4 * 40]
    assert all(tuple(pixel) == voc_colour(1) for pixel in frame)
    np.testing.assert_array_equal(after[::4, ::4][40:90, 22:74], before[40:90, 22:74])


def test_the_command_prints_cocos_form(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(folder / "pictures"), "--model", str(folder / "detector.keras"), "--json"])
    values = json.loads(capsys.readouterr().out)
    assert [image["file_name"] for image in values["images"]] == ["tall.png", "wide.png"]
    assert values["categories"] == [{"id": n, "name": name} for n, name in enumerate(LABELS, start=1)]
    row = values["annotations"][1]
    assert row["bbox"] == [16, 32, 64, 64] and row["category_id"] == 1 and row["image_id"] == 2 and row["area"] == 4096
    (tmp_path / "boxes.json").write_text(json.dumps(values))  # pycocotools reads it
    coco = pytest.importorskip("pycocotools.coco").COCO(str(tmp_path / "boxes.json"))
    assert len(coco.getAnnIds(catIds=[1])) == 2


def test_the_command_prints_a_row_for_every_box(folder, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(folder / "pictures"), "--model", str(folder / "detector.keras")])
    assert "16, 32, 80, 96" in capsys.readouterr().out


def test_nothing_found_is_an_empty_list(folder, capsys):
    assert predict(folder / "detector.keras", folder / "pictures", least=0.95)[0]["objects"] == []
    with pytest.raises(SystemExit):
        main(["predict", str(folder / "pictures"), "--model", str(folder / "detector.keras"), "--least", "0.95"])
    assert "nothing" in capsys.readouterr().out


def test_a_folder_without_pictures_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="no pictures"):
        predict(folder / "detector.keras", tmp_path)


@pytest.mark.slow
def test_a_tflite_file_finds_what_its_model_does(tmp_path):
    from keras_cnns.tflite import export

    model = small(include_preprocessing=True)
    picture = scene(5, "test", (128, 192)).picture
    Image.fromarray(picture).save(tmp_path / "p.png")
    seen = drawing.letterbox(picture, (64, 96))[0][None].astype("float32")
    model.save(tmp_path / "model.keras")
    export(model, tmp_path / "model.tflite", images=seen)
    here, there = (predict(tmp_path / f"model.{end}", tmp_path / "p.png", least=0.05)[0] for end in ("keras", "tflite"))
    assert here["objects"] and [row["class"] for row in here["objects"]] == [row["class"] for row in there["objects"]]
    for a, b in zip(here["objects"], there["objects"], strict=True):
        np.testing.assert_allclose(a["box"], b["box"], atol=0.5)


def test_vocs_colours():
    expected = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (192, 128, 128), (224, 224, 192)]
    assert [voc_colour(n) for n in (0, 1, 2, 15, 255)] == expected


def test_which_shapes_are_which():
    assert drawing.kind_of_outputs([(7, 4), (7,), (7,)], (64, 96)) == drawing.DETECTOR
    assert drawing.kind_of_outputs([(64, 96, 5)], (64, 96)) == drawing.SEGMENTER
    for other in ([(10,)], [(64, 96, 1)], [(8, 12, 5)], [(7, 4), (7,), (6,)], [(7, 3), (7,), (7,)]):
        assert drawing.kind_of_outputs(other, (64, 96)) is None
