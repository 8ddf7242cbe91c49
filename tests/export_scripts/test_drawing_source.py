"""The lines of Kotlin and Swift that draw boxes and masks: made for what the file says of itself."""

import pytest

from keras_cnns.export_scripts import drawing_source


def tensor(name, shape, kind="float32"):
    return {"name": name, "shape": shape, "type": kind, "scale": 0.0, "zero_point": 0}


def file(*outputs, labels=("0", "1", "2"), side=96):
    return {"inputs": [tensor("image", [1, side, side, 3])], "outputs": list(outputs), "labels": list(labels)}


BOXES = [tensor("boxes", [1, 30, 4]), tensor("classes", [1, 30], "int32"), tensor("scores", [1, 30])]


def test_boxes_are_read_by_the_places_of_their_outputs_and_drawn_in_the_picture():
    said, kotlin, swift = drawing_source.drawing(file(BOXES[2], BOXES[0], BOXES[1]))
    assert said == "gives at most 30 boxes"
    for words in (
        "mapOf(1 to boxes, 2 to classes, 0 to scores)",
        "IntArray(30)",
        "frame.width() / 96f",
        'listOf("0", ',
    ):
        assert words in kotlin
    for words in ("read(1, Float32.self)", "read(2, Int32.self)", "read(0, Float32.self)", "frame.width / 96,"):
        assert words in swift


def test_names_are_written_as_texts_of_both_languages():
    _, kotlin, swift = drawing_source.drawing(file(*BOXES, labels=('5" disc', "cost: $5", "größer")))
    assert '"5\\" disc", "cost: \\$5", "größer"' in kotlin
    assert '"5\\" disc", "cost: $5", "größer"' in swift


@pytest.mark.parametrize(
    ("kind", "kotlin_words", "swift_words"),
    [
        (
            "float32",
            ("allocateDirect(110592)", "scores.asFloatBuffer()", "FloatArray(3)", "maxBy { seen[it] }"),
            "Float32",
        ),
        ("uint8", ("allocateDirect(27648)", "answers = scores\n", "ByteArray(3)", "seen[it].toUByte()"), "UInt8"),
        ("int8", ("allocateDirect(27648)", "answers = scores\n", "ByteArray(3)", "maxBy { seen[it] }"), "Int8"),
    ],
)
def test_a_mask_is_coloured_by_the_best_class_of_each_pixel(kind, kotlin_words, swift_words):
    said, kotlin, swift = drawing_source.drawing(file(tensor("predictions", [1, 96, 96, 3], kind)))
    assert said == "gives 3 scores for each pixel"
    assert all(words in kotlin for words in kotlin_words)
    assert f"bindMemory(to: {swift_words}.self)" in swift and "bytesPerRow: 384," in swift


@pytest.mark.parametrize(
    "outputs",
    [
        [tensor("predictions", [1, 3])],  # a classifier
        [tensor("enhanced", [1, 96, 96, 3])],  # a picture: as many numbers as colours, and no names
        [tensor("map", [1, 48, 48, 3])],  # scores of places, not of pixels
    ],
    ids=["a classifier", "a picture", "a coarse map"],
)
def test_other_files_have_nothing_to_draw(outputs):
    labels = () if outputs[0]["name"] == "enhanced" else ("0", "1", "2")
    assert drawing_source.drawing(file(*outputs, labels=labels)) is None


@pytest.mark.parametrize("outputs", [BOXES, [tensor("predictions", [1, 96, 96, 3])]], ids=["boxes", "mask"])
def test_every_bracket_is_closed(outputs):
    for lines in drawing_source.drawing(file(*outputs))[1:]:
        for opened, closed in ("()", "[]", "{}"):
            assert lines.count(opened) == lines.count(closed)
        assert "{{" not in lines.replace("${{", "") and "None" not in lines
