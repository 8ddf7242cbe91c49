"""Held-out pictures that are training pictures too: found by their bytes, and by what they show."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnns.data import duplicates
from keras_cnns.data.sources.by_name import open_source
from tests.data.kinds import smooth


@pytest.fixture
def folder(tmp_path):
    """Twelve unlike pictures to train and six to test."""
    for split, count, seed in (("train", 6, 0), ("test", 3, 100)):
        for k, name in enumerate("ab"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(smooth(seed=seed + 50 * k + i)).save(tmp_path / split / name / f"{i}.png")
    return tmp_path


def between(folder):
    return duplicates.between(*(open_source(f"folder:{folder}", split) for split in ("train", "test")))


def test_unlike_pictures_have_nothing_in_common(folder):
    overlap = between(folder)
    assert (overlap.copies, overlap.near, overlap.pairs) == (0, 0, ()) and overlap.sentence(6) == ""


def again(folder, change, ending="png", **options):
    """A training picture, changed, among the held-out ones."""
    picture = change(Image.open(folder / "train/a/2.png"))
    picture.save(folder / f"test/b/again.{ending}", **options)


CHANGES = {
    "as JPEG": (lambda p: p, {"ending": "jpg", "quality": 85}),
    "smaller": (lambda p: p.resize((30, 20)), {}),
    "larger": (lambda p: p.resize((180, 120), Image.Resampling.BICUBIC), {}),
    "brighter": (lambda p: p.point(lambda v: min(255, int(v * 1.1) + 5)), {}),
    "grey": (lambda p: p.convert("L"), {}),
    "noisy": (lambda p: Image.fromarray(np.clip(np.asarray(p) + np.random.default_rng(0).normal(0, 4, (40, 60, 3)), 0,
                                                255).astype("uint8")), {}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_nearly_the_same(folder, change):
    again(folder, CHANGES[change][0], **CHANGES[change][1])
    overlap = between(folder)
    assert (overlap.copies, overlap.near) == (0, 1)
    assert overlap.pairs[0][0].endswith("train/a/2.png") and "test/b/again" in overlap.pairs[0][1]
    assert "1 of 7 held-out pictures are training pictures too (0 the same file, 1 nearly)" in overlap.sentence(7)


@pytest.mark.parametrize(
    "change", [lambda p: p.transpose(Image.Transpose.ROTATE_90), lambda p: p.crop((30, 20, 60, 40)).resize((60, 40))]
)
def test_a_part_or_a_turned_one_is_another_picture(folder, change):
    again(folder, change)
    assert between(folder).pairs == ()


def test_the_same_file_counts_as_such_whatever_it_holds(folder):
    shutil.copy(folder / "train/a/1.png", folder / "test/a/copy.png")
    for split in ("train", "test"):
        Image.new("RGB", (9, 9), "red").save(folder / split / "b" / "plain.png")  # of one grey: nothing to correlate
        (folder / split / "a" / "broken.png").write_bytes(b"no picture")
        (folder / split / "a" / "gone.png").symlink_to(folder / "nowhere.png")
    overlap = between(folder)
    assert (overlap.copies, overlap.near) == (3, 0)


def test_among_very_many_pictures_only_the_same_files_are_looked_for(folder, monkeypatch):
    again(folder, lambda p: p.resize((30, 20)))
    shutil.copy(folder / "train/a/1.png", folder / "test/a/copy.png")
    monkeypatch.setattr(duplicates, "MOST", 5)
    overlap = between(folder)
    assert (overlap.copies, overlap.near) == (1, None) and "nearly" not in overlap.sentence(8)


def test_only_files_of_equal_size_are_read(folder, monkeypatch):
    read = []
    digest = duplicates._digest
    monkeypatch.setattr(duplicates, "_digest", lambda file: read.append(file) or digest(file))
    shutil.copy(folder / "train/a/1.png", folder / "test/a/copy.png")
    between(folder)
    sizes = [file.stat().st_size for file in folder.glob("t*/*/*.png")]
    assert {sizes.count(file.stat().st_size) for file in read} <= {2, 3} and len(read) < len(sizes)


def test_a_data_set_whose_examples_are_not_files_gets_no_message(folder):
    digits = open_source("digits", "test")
    assert duplicates.between(digits, digits) is None


def test_a_limited_part_of_a_folder_has_its_own_files(folder):
    part = open_source(f"folder:{folder}", "train", limit=4)
    assert [str(file) for file in part.files] == [part.where(i) for i in range(4)]
