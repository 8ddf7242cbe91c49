"""Pictures that cannot be used are named, skipped up to a limit, or refused."""

import io
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from keras_cnns.data import cropped
from keras_cnns.data.broken import Broken, explained
from keras_cnns.data.pipeline import load, load_arrays
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UserError


def jpeg(value):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (value, value, value)).save(file, "JPEG")
    return file.getvalue()


BAD = {"empty.jpg": b"", "text.png": b"this is a letter", "cut.jpg": jpeg(0)[:400]}
WHY = {
    "empty.jpg": "an empty file",
    "text.png": "not a picture that can be read (JPEG, PNG, BMP, GIF, WebP, TIFF)",
    "cut.jpg": "a damaged picture",
}


@pytest.fixture
def folder(tmp_path):
    """Train and test: 2 classes of 8 pictures, those of a class all of one grey."""
    for split in ("train", "test"):
        for label, name in enumerate("ab"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(8):
                (tmp_path / split / name / f"{i}.jpg").write_bytes(jpeg(60 + 100 * label))
    return tmp_path


@pytest.fixture(params=["kept in memory", "streamed"])
def either_way(request, monkeypatch):
    if request.param == "streamed":
        monkeypatch.setattr(cropped, "CACHED_BYTES", 0)


@pytest.mark.parametrize("name", BAD)
def test_a_broken_picture_is_named_with_what_is_wrong(folder, name):
    (folder / "train" / "a" / name).write_bytes(BAD[name])
    with (
        pytest.raises(UserError, match=rf"train/a/{name} is {re.escape(WHY[name])}: remove it.*skip_broken"),
        explained(),
    ):
        for _ in load(f"folder:{folder}", size=16, batch_size=4).dataset.take(12):
            pass


def test_broken_pictures_up_to_the_limit_are_skipped_and_counted(folder, either_way, caplog):
    for name, content in BAD.items():
        (folder / "train" / "b" / name).write_bytes(content)
    loaded = load(f"folder:{folder}", size=16, batch_size=19, skip_broken=3)
    for images, labels in loaded.dataset.take(4).as_numpy_iterator():
        np.testing.assert_allclose(
            images, np.broadcast_to(60 + 100 * labels.reshape(-1, 1, 1, 1), images.shape), atol=2
        )
    assert len(loaded.broken.numbers) == 3
    assert sorted(caplog.messages) == sorted(f"skipped: {folder}/train/b/{name} is {WHY[name]}" for name in BAD)


def test_one_more_than_the_limit_is_refused(folder, either_way):
    for name, content in BAD.items():
        (folder / "train" / "b" / name).write_bytes(content)
    with pytest.raises(UserError, match="Skipped before it: 2"), explained():
        for _ in load(f"folder:{folder}", size=16, batch_size=19, skip_broken=2).dataset.take(4):
            pass


def test_a_broken_picture_does_not_count_in_evaluation(folder, either_way):
    (folder / "test" / "a" / "empty.jpg").write_bytes(b"")
    loaded = load(f"folder:{folder}", size=16, batch_size=5, split="test", skip_broken=1)
    labels, weights = (np.concatenate(x) for x in list(zip(*loaded.dataset.as_numpy_iterator(), strict=True))[1:])
    assert weights.sum() == 16 and labels[weights == 1].sum() == 8


def test_a_folder_of_nothing_but_broken_pictures(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split / "a").mkdir(parents=True)
        (tmp_path / split / "a" / "1.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="all pictures are broken"):
        load_arrays(f"folder:{tmp_path}", "test", size=8, skip_broken=5)


@pytest.mark.slow
def test_a_resumed_stream_skips_the_same_pictures(folder, monkeypatch):
    monkeypatch.setattr(cropped, "CACHED_BYTES", 0)
    (folder / "train" / "a" / "3.jpg").write_bytes(b"")
    options = dict(size=16, batch_size=6, augment={"crop": "random_resized", "jitter": 0.4}, skip_broken=1)
    expected = [image.numpy() for image, _ in load(f"folder:{folder}", **options).dataset.take(6)]
    resumed = [image.numpy() for image, _ in load(f"folder:{folder}", start=18, **options).dataset.take(3)]
    np.testing.assert_array_equal(resumed, expected[3:])


def test_a_label_that_is_no_class():
    def read(number):
        return Sample(tf.constant(jpeg(9)), label=number)

    broken = Broken(Source(("a", "b"), 3, read, lambda number: f"example {number}"), 0)
    with pytest.raises(UserError, match="example 2 has the label 2, outside 0..1"), explained():
        attempts = tf.data.Dataset.range(3).map(
            lambda i: broken.attempt(i, lambda p: tf.zeros([1]), shape=(1,), tries=1)
        )
        list(attempts)


def test_the_secret_labels_of_a_published_test_split_are_refused(tmp_path):
    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(4, 4, 3)), "label": tfds.features.ClassLabel(names=["a", "b"])}
    )
    examples = [(i, {"image": np.full((4, 4, 3), i, np.uint8), "label": -1}) for i in range(3)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="secret", version="1.0.0", data_dir=tmp_path, features=features, split_datasets={"test": examples}
    )
    with pytest.raises(UserError, match="of secret test has the label -1, outside 0..1"):
        load_arrays("secret", "test", size=4, data_dir=tmp_path)


def test_other_errors_of_tensorflow_pass_unchanged():
    with pytest.raises(tf.errors.InvalidArgumentError), explained():
        tf.reshape(tf.zeros([3]), [2])
