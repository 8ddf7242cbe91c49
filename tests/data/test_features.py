"""Files of features: rows in the order of a split, batches in the order of the pictures they stand for."""

import resource

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.data import cropped, features
from keras_cnns.data.pipeline import load
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.support.errors import UserError

OPTIONS = {"size": 8, "channels": 1, "batch_size": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten pictures to train and six held out."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(16):
        file = root / ("train" if number < 10 else "test") / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tf.io.encode_png(rng.integers(0, 256, (8, 8, 1)).astype(np.uint8)).numpy())
    return root


def rows_of(data):
    """The pixels of all pictures of a split, as its features."""
    kind = features.row_type((64,), "float32", (), np.int64)
    rows = np.empty(data.count, kind)
    batches = list(data.batches.take(-(-data.count // 4)).as_numpy_iterator())
    images, labels = (np.concatenate([batch[i] for batch in batches])[: data.count] for i in (0, 1))
    rows["feature"], rows["label"], rows["weight"] = images.reshape(data.count, -1), labels, 1
    return rows


TRAIN, TEST, SLOW = ("train", {"seed": 3, "start": 8}), ("test", {}), pytest.mark.slow


@pytest.mark.parametrize(
    ("split", "more", "memory"),
    [(*TRAIN, False), (*TEST, True), pytest.param(*TRAIN, True, marks=SLOW), pytest.param(*TEST, False, marks=SLOW)],
)
def test_batches_of_features_are_those_of_the_pictures(folder, tmp_path, monkeypatch, split, more, memory):
    if not memory:
        monkeypatch.setattr(cropped, "CACHED_BYTES", 0)
    in_order = load(f"folder:{folder}", split=split, **OPTIONS, **({"shuffle": False} if more else {}))
    rows = rows_of(in_order)
    features.write(tmp_path / "rows.npy", [rows[:4], rows[4:]], rows.dtype, len(rows))
    read = features.read(tmp_path / "rows.npy")
    np.testing.assert_array_equal(read, rows)
    kept = features.batches(in_order, read, "float32", batch_size=4, training=bool(more), **more)
    pictures = load(f"folder:{folder}", split=split, **OPTIONS, **more)
    assert (kept.count, kept.steps, kept.names) == (pictures.count, pictures.steps, pictures.names)
    for ours, theirs in zip(kept.batches.take(6), pictures.batches.take(6), strict=True):
        np.testing.assert_array_equal(ours[0], tf.reshape(theirs[0], [4, 64]))
        np.testing.assert_array_equal(ours[1], theirs[1])
        if split == "test":
            np.testing.assert_array_equal(ours[2], theirs[2])


def test_without_shuffling_a_training_split_keeps_its_order(folder):
    data = load(f"folder:{folder}", split="train", shuffle=False, **OPTIONS)
    labels = np.concatenate([batch[1] for batch in data.batches.take(5).as_numpy_iterator()])
    np.testing.assert_array_equal(labels, [*data.source.labels, *data.source.labels])


def test_bfloat16_comes_back_as_it_was(tmp_path):
    values = tf.cast(np.linspace(-3, 3, 12).reshape(3, 4), tf.bfloat16)
    kind = features.row_type((4,), "bfloat16", (2,), np.float32)
    rows = np.zeros(3, kind)
    rows["feature"] = values
    samples = features.FeatureSamples(rows, "bfloat16")
    feature, label, _ = samples.training(tf.constant(0), tf.constant(2), careful=False)
    assert feature.dtype == tf.bfloat16 and label.shape == (2,)
    np.testing.assert_array_equal(tf.cast(feature, tf.float32), tf.cast(values[2], tf.float32))


def test_a_full_disk_leaves_no_file_and_a_damaged_file_is_named(tmp_path):
    kind = features.row_type((1000,), "float32", (), np.int64)
    file, limits = tmp_path / "rows.npy", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write .*rows.npy: File too large"):
            features.write(file, [np.zeros(100, kind)], kind, 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())
    features.write(file, [np.zeros(100, kind)], kind, 100)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match="rows.npy is damaged .*remove it"):
        features.read(file)
    np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="rows.npy has no features"):
        features.read(file)


def test_the_digest_knows_the_content_and_the_labels(tmp_path):
    def digest():
        return features.content_digest(open_source(f"folder:{tmp_path}", "train", "label", size=(8, 8)))

    for number, name in enumerate("ab" * 2):
        file = tmp_path / "train" / name / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tf.io.encode_png(tf.fill([8, 8, 1], tf.cast(number, tf.uint8))).numpy())
    first = digest()
    assert digest() == first
    file.write_bytes(tf.io.encode_png(tf.fill([8, 8, 1], tf.cast(9, tf.uint8))).numpy())  # under the same name
    second = digest()
    assert second != first
    file.rename(tmp_path / "train" / "a" / file.name)
    assert digest() not in (first, second)
