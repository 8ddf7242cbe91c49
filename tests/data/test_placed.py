"""Batches with boxes or masks: which sample comes when, and that it is the scene it should be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.broken import explained
from keras_cnns.data.pipeline import load
from keras_cnns.data.sources.shapes import COUNTS, scene

OPTIONS = {"size": (32, 48), "batch_size": 4}


def first(data, count=1):
    return list(data.dataset.take(count).as_numpy_iterator())


def test_evaluation_goes_through_the_scenes_once():
    data = load("scenes", target="boxes", split="test", **OPTIONS)
    image, target, weight = first(data)[0]
    for n in range(4):
        s = scene(n, "test", (32, 48))
        np.testing.assert_array_equal(image[n], s.picture)
        assert target["count"][n] == len(s.boxes)
        np.testing.assert_array_equal(target["boxes"][n, : len(s.boxes)], s.boxes)
        np.testing.assert_array_equal(target["classes"][n, : len(s.boxes)], s.classes)
        assert not target["boxes"][n, len(s.boxes) :].any()
    assert weight.tolist() == [1] * 4 and data.steps == COUNTS["test"] / 4 and len(data.names) == 10


def test_what_fills_the_last_batch_up_has_no_weight():
    data = load("scenes", target="mask", split="test", size=(32, 32), batch_size=300)
    weights = [batch[2] for batch in data.dataset.as_numpy_iterator()]
    assert np.concatenate(weights).tolist() == [1] * 500 + [0] * 100 and data.steps == 2


def test_masks_have_the_background_as_class_0():
    data = load("scenes", target="mask", split="test", **OPTIONS)
    _, mask, _ = first(data)[0]
    np.testing.assert_array_equal(mask[1], scene(1, "test", (32, 48)).mask)
    assert data.names[:2] == ("background", "0") and mask.dtype == np.int32


def test_a_resumed_stream_goes_on_and_shards_are_slices_of_it():
    uninterrupted = first(load("scenes", target="boxes", **OPTIONS), 3)
    later = first(load("scenes", target="boxes", start=8, **OPTIONS))[0]
    np.testing.assert_array_equal(uninterrupted[2][0], later[0])
    assert later[1]["number"].tolist() == [8, 9, 10, 11]
    halves = [first(load("scenes", target="boxes", shard=(i, 2), **OPTIONS), 2) for i in range(2)]
    for step in range(2):
        for i in range(2):
            np.testing.assert_array_equal(halves[i][step][0], uninterrupted[step][0][2 * i : 2 * i + 2])
    other = first(load("scenes", target="boxes", seed=1, **OPTIONS))[0]
    assert not np.array_equal(other[0], uninterrupted[0][0])


@pytest.mark.parametrize(
    "wrong, hint",
    [
        ({"name": "digits"}, "no masks"),
        ({"name": "folder:/nowhere"}, "no folder"),
        ({"split": "validation"}, "train, test"),
        ({"augment": Augment(erase=0.5)}, "erase.*mosaic"),
        ({"augment": Augment(crop="random")}, "crop"),
    ],
)
def test_a_mistake_gets_one_clear_line(wrong, hint):
    with pytest.raises(UserError, match=hint):
        load(**{"name": "scenes", "target": "mask", "split": "test", **OPTIONS, **wrong})


def test_boxes_and_masks_follow_what_augmentation_does_to_the_pictures():
    """The masks of a stream and the boxes of the same one: a box ends where its card does."""
    how = Augment(mirror=True, zoom=(0.7, 1.6), mosaic=0.5, jitter=0.3)
    options = {"size": (96, 128), "batch_size": 16, "augment": how}
    (image, target), (again, mask) = (first(load("scenes", target=t, **options))[0] for t in ("boxes", "mask"))
    np.testing.assert_array_equal(image, again)
    plain = first(load("scenes", target="mask", size=(96, 128), batch_size=16))[0][0]
    assert all(not np.array_equal(a, b) for a, b in zip(image, plain, strict=True))
    assert target["boxes"].shape == (16, 32, 4) and image.min() >= 0 and image.max() <= 255
    exact = 0
    for n in range(16):
        for box, label in zip(target["boxes"][n, : target["count"][n]], target["classes"][n], strict=False):
            x1, y1, x2, y2 = np.round(box).astype(int)
            own = np.argwhere(mask[n, y1:y2, x1:x2] == label + 1)
            if len(own) and (x2 - x1) * (y2 - y1) > 60:
                exact += (np.abs(np.concatenate([own.min(0), own.max(0) + 1]) - [0, 0, y2 - y1, x2 - x1]) <= 1.5).all()
    assert exact > 0.5 * target["count"].sum() > 20  # the others are cut, by the border or where pictures meet


def test_augmented_samples_are_those_of_their_number():
    options = {**OPTIONS, "augment": Augment(mirror=True, zoom=(0.5, 2.0), mosaic=0.5)}
    uninterrupted, later = (
        first(load("scenes", target="boxes", **options), 2),
        first(load("scenes", target="boxes", start=4, **options)),
    )
    np.testing.assert_array_equal(uninterrupted[1][0], later[0][0])
    np.testing.assert_array_equal(uninterrupted[1][1]["boxes"], later[0][1]["boxes"])


@pytest.fixture
def damaged(tmp_path):
    """A pair of folders for each split of four pictures, of which one training and one test picture are damaged."""
    (tmp_path / "classes.txt").write_text("background\nred\n")
    for split in ("train", "test"):
        for n in range(4):
            for kind, value in (("images", 40 * n + 20), ("masks", 1)):
                path = tmp_path / kind / split / f"{split}{n}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.full((32, 48, 3) if kind == "images" else (32, 48), value, np.uint8)
                Image.fromarray(pixels).save(path)
        damage = tmp_path / "images" / split / f"{split}2.png"
        damage.write_bytes(damage.read_bytes()[:60])
    return f"folder:{tmp_path}"


def test_a_damaged_picture_is_named(damaged):
    with pytest.raises(UserError, match="train2.png is a damaged picture: remove it.*skip_broken"), explained():
        first(load(damaged, target="mask", **OPTIONS), 2)


def test_every_read_after_the_error_raises_it_again(damaged):
    """The pipeline reads ahead: a picture beyond the limit must not become a skipped one."""
    broken = load(damaged, target="mask", **OPTIONS).broken
    with pytest.raises(UserError, match="train2.png is a damaged picture"):
        broken.decoded(2, tries=8)
    for number in (2, 0):
        with pytest.raises(UserError, match="train2.png is a damaged picture"):
            broken.decoded(number, tries=8)


def test_damaged_pictures_up_to_the_limit_are_skipped(damaged, caplog):
    """In training the next picture stands in; in evaluation it has no weight."""
    data = load(damaged, target="mask", skip_broken=1, **OPTIONS)
    values = {int(image[0, 0, 0]) for images, _ in first(data, 2) for image in images}
    assert values == {20, 60, 140} and data.broken.numbers == {2}
    assert caplog.text.count("skipped: ") == 1 and "train2.png is a damaged picture\n" in caplog.text
    _, masks, weights = first(load(damaged, target="mask", split="test", skip_broken=1, **OPTIONS))[0]
    assert weights.tolist() == [1, 1, 0, 1] and (masks[2] == 255).all() and (masks[1] == 1).all()


def test_masks_that_do_not_fit_their_pictures_count_as_broken(damaged):
    path = Path(damaged.removeprefix("folder:")) / "masks" / "train" / "train0.png"
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(path)
    data = load(damaged, target="mask", skip_broken=2, **OPTIONS)
    first(data, 2)
    assert data.broken.numbers == {0, 2}
    with pytest.raises(UserError, match="Skipped before it: 1"), explained():
        first(load(damaged, target="mask", skip_broken=1, **OPTIONS), 2)


def test_zoom_and_mosaic_are_not_for_labels():
    from keras_cnns.data import load

    for how in (Augment(mosaic=0.5), Augment(zoom=(0.5, 1))):
        with pytest.raises(UserError, match="boxes and masks"):
            load("digits", size=8, batch_size=4, augment=how)
