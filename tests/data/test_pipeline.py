"""A data set by name becomes batches."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnns.data.pipeline import load, load_arrays
from keras_cnns.data.sources import digits, embedded
from keras_cnns.support.errors import UserError


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    embedded.prepare("digits", folder)
    return folder


def stream(data, batches, skip=0):
    images, labels = zip(*data.dataset.skip(skip).take(batches).as_numpy_iterator(), strict=True)
    return np.stack(images), np.stack(labels)


def test_training_batches(data_dir):
    data = load("digits", size=(32, 20), channels=1, batch_size=16, data_dir=data_dir)
    image, label = next(iter(data.dataset))
    assert image.shape == (16, 32, 20, 1) and image.dtype == tf.float32
    assert label.shape == (16,) and label.dtype == tf.int64
    assert 200 < image.numpy().max() <= 255 and image.numpy().min() >= 0
    assert (data.classes, data.names, data.count, data.steps) == (10, tuple("0123456789"), 1437, 89)


def test_an_epoch_sees_every_picture_once_and_each_epoch_in_another_order(data_dir):
    images, labels = digits.arrays()["train"]
    data = load("digits", size=8, channels=1, batch_size=479, data_dir=data_dir)  # 1437 = 3 * 479
    seen, seen_labels = stream(data, 6)
    seen = seen.astype(np.uint8).reshape(2, 1437, -1)
    expected = sorted(row.tobytes() + bytes([label]) for row, label in zip(images, labels, strict=True))
    for epoch in range(2):
        rows = zip(seen[epoch], seen_labels.reshape(2, 1437)[epoch], strict=True)
        assert sorted(row.tobytes() + bytes([label]) for row, label in rows) == expected
    assert (seen[0] != seen[1]).any(axis=1).mean() > 0.9
    assert (seen[0] != images.reshape(1437, -1)).any(axis=1).mean() > 0.9


@settings(max_examples=3, deadline=None)
@given(step=st.integers(0, 60), batch=st.integers(1, 40), seed=st.integers(0, 2**31 - 1))
def test_a_resumed_stream_equals_the_uninterrupted_one(data_dir, step, batch, seed):
    options = dict(size=12, channels=1, batch_size=batch, augment={"pad": 2}, seed=seed, data_dir=data_dir)
    expected = stream(load("digits", **options), 3, skip=step)
    resumed = stream(load("digits", start=step * batch, **options), 3)
    np.testing.assert_array_equal(resumed[0], expected[0])
    np.testing.assert_array_equal(resumed[1], expected[1])


def test_another_seed_is_another_stream(data_dir):
    streams = [
        stream(load("digits", size=8, channels=1, batch_size=32, seed=seed, data_dir=data_dir), 1) for seed in (0, 1)
    ]
    assert (streams[0][0] != streams[1][0]).any()


@pytest.mark.slow
def test_the_shards_of_a_batch_are_the_batch(data_dir):
    options = dict(size=8, channels=1, batch_size=12, augment={"pad": 1}, start=24, data_dir=data_dir)
    uninterrupted, labels = stream(load("digits", **options), 3)
    parts = [stream(load("digits", shard=(i, 2), **options), 3) for i in range(2)]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in parts], axis=1), uninterrupted)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in parts], axis=1), labels)


def test_evaluation_sees_every_picture_once_and_pads_the_last_batch(data_dir):
    data = load("digits", size=8, channels=1, batch_size=100, split="test", data_dir=data_dir)
    images, labels, weights = zip(*data.dataset.as_numpy_iterator(), strict=True)
    assert data.steps == len(images) == 4 and all(len(batch) == 100 for batch in images)
    weights = np.concatenate(weights)
    assert weights.sum() == data.count == 360 and set(weights) == {0.0, 1.0}
    expected_images, expected_labels = digits.arrays()["test"]
    np.testing.assert_array_equal(np.concatenate(images)[weights == 1], expected_images)
    np.testing.assert_array_equal(np.concatenate(labels)[weights == 1], expected_labels)


def test_the_shards_of_an_evaluation_hold_every_picture_once(data_dir):
    options = dict(size=8, channels=1, batch_size=64, split="test", limit=100, data_dir=data_dir)
    labels = []
    for i in range(2):
        for _, label, weight in load("digits", shard=(i, 2), **options).dataset.as_numpy_iterator():
            labels += list(label[weight == 1])
    assert sorted(labels) == sorted(load_arrays("digits", size=8, channels=1, limit=100, data_dir=data_dir)[1])


def test_arrays_are_the_evaluated_pictures(data_dir):
    images, labels, names = load_arrays("digits", "test", size=32, channels=3, data_dir=data_dir)
    assert images.shape == (360, 32, 32, 3) and images.dtype == np.uint8 and labels.dtype == np.int64
    assert names == tuple("0123456789")
    data = load("digits", size=32, channels=3, batch_size=360, split="test", data_dir=data_dir)
    image, label, _ = next(data.dataset.as_numpy_iterator())
    np.testing.assert_array_equal(image, images)
    np.testing.assert_array_equal(label, labels)


def test_a_limit_is_spread_over_the_split(data_dir):
    images, labels, _ = load_arrays("digits", size=8, channels=1, limit=40, data_dir=data_dir)
    everything = digits.arrays()["test"]
    np.testing.assert_array_equal(images, everything[0][::9])
    np.testing.assert_array_equal(labels, everything[1][::9])


def test_tensorflow_datasets_own_mock_of_imagenet_runs_through(tmp_path):
    with tfds.testing.mock_data(num_examples=5):
        train = load("imagenet2012", size=64, batch_size=4, augment={"mirror": True}, data_dir=tmp_path)
        images, labels = stream(train, 2)
        test = load("imagenet2012", size=64, batch_size=4, split="test", data_dir=tmp_path)
        weights = np.concatenate([weight for _, _, weight in test.dataset.as_numpy_iterator()])
    assert images.shape == (2, 4, 64, 64, 3) and labels.max() < 1000
    assert train.classes == 1000 and test.count == 5 and weights.sum() == 5


def test_a_data_set_that_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match="mnist.*--download.*tensorflow_datasets build mnist"):
        load("mnist", size=28, batch_size=4, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mnis", {}, "no data set 'mnis'.*mnist"),
        (Path("mnis"), {}, "no data set 'mnis'"),
        (3000 * "a", {}, "no data set"),
        ("", {}, "the data set is ''"),
        (None, {}, "the data set is None"),
        (np.zeros((2, 2)), {}, "the data set is array"),
        ("coco", {}, "one label each"),
        ("digits", {"split": "dev"}, "no split 'dev': it has train, test"),
        ("digits", {"size": (0, 8)}, "size is "),
        ("digits", {"channels": 2}, "1 .grey. or 3 .RGB."),
        ("digits", {"batch_size": 5, "shard": (0, 2)}, "does not divide over 2 workers"),
        ("digits", {"limit": 0}, "give at least 1 example"),
        ("folder:/no/such", {}, "no folder /no/such"),
        ("/", {}, "write folder:/"),
    ],
)
def test_bad_input(data_dir, name, options, message):
    with pytest.raises(UserError, match=message):
        load(name, **{"size": 8, "batch_size": 4, "data_dir": data_dir, **options})
