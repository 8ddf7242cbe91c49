"""Pictures that are in training and held out at once, as in data.yaml files whose train and val are one folder."""

import pytest

from tests.data.sources.writers import boxes, coco, folder_of_voc, picture, write, yolo_line

BOX = ("widget", 10, 5, 30, 25)


def as_yolo(folder, shared):
    write(folder / "data.yaml", f"names: [widget]\ntrain: images\nval: {'images' if shared else 'others/images'}\n")
    for n in range(6):
        above = folder / "others" if n > 3 else folder
        picture(above / "images" / f"{n}.png", n)
        write(above / "labels" / f"{n}.txt", yolo_line(0, *BOX[1:]))


def as_voc(folder, shared):
    folder_of_voc(folder, 6)
    write(folder / "ImageSets" / "Main" / "train.txt", "0\n1\n2\n3\n")
    write(folder / "ImageSets" / "Main" / "val.txt", "3\n4\n" if shared else "4\n5\n")


def as_coco(folder, shared):
    for n in range(6):
        picture(folder / "images" / f"{n}.png", n)
    for split, numbers in (("train", range(4)), ("val", range(3 if shared else 4, 6))):
        write(folder / "annotations" / f"instances_{split}.json", coco({f"{n}.png": [BOX] for n in numbers}, [BOX[0]]))


def as_roboflow(folder, shared):
    """The same names in the folder of each split are different pictures."""
    for number, split in enumerate(("train", "valid")):
        for n in range(3):
            picture(folder / split / f"{n}.png", 10 * number + n)
        write(folder / split / "_annotations.coco.json", coco({f"{n}.png": [BOX] for n in range(3)}, [BOX[0]]))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("write_as", [as_yolo, as_voc, as_coco, as_roboflow])
def test_a_message_says_how_many(write_as, shared, tmp_path, caplog):
    write_as(tmp_path, shared)
    boxes(tmp_path, "train")
    assert "also in training" not in caplog.text
    boxes(tmp_path, "test")
    assert ("also in training" in caplog.text) == (shared and write_as is not as_roboflow)
