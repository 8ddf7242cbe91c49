"""Data sets in tensorflow-datasets' format, read by number."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_cnns.data.pipeline import load_arrays
from keras_cnns.data.sources import tfds as source
from keras_cnns.data.sources.tfds import open_tfds
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError


def pixels(i):
    return np.full((3, 2, 1), i, np.uint8)


def store(folder, name, **splits):
    """A data set whose example number i shows i, and has the label i % 2."""
    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(3, 2, 1)), "label": tfds.features.ClassLabel(names=["even", "odd"])}
    )
    examples = {
        split: [(i, {"image": pixels(i), "label": i % 2}) for i in numbers] for split, numbers in splits.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name, version="1.0.0", data_dir=folder, features=features, split_datasets=examples, disable_shuffling=True
    )


def shown(source):
    """What each example shows, having checked its label."""
    values = []
    for i in range(source.count):
        sample = source.read(tf.constant(i, tf.int64))
        values.append(int(tf.io.decode_png(sample.picture)[0, 0, 0]))
        assert int(sample.label) == values[-1] % 2 and sample.picture.dtype == tf.string
    return values


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    store(folder, "both", train=range(20), test=range(20, 25))
    store(folder, "validated", train=range(10), validation=range(10, 14))
    store(folder, "single", train=range(10))
    return folder


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("both", "train", range(20)),
        ("both", "test", range(20, 25)),
        ("both", "train[50%:]", range(10, 20)),
        ("both", "train[3:7]", range(3, 7)),
        ("validated", "test", range(10, 14)),
        ("validated", "validation", range(10, 14)),
        ("single", "train", range(2, 10)),
        ("single", "test", range(2)),
    ],
)
def test_splits(folder, name, split, expected):
    source = open_tfds(name, split, data_dir=folder)
    assert shown(source) == list(expected)
    assert source.names == ("even", "odd") and name in source.where(0)


def test_examples_spread_over_several_files(tmp_path):
    store(tmp_path, "spread", train=range(6), test=range(1))
    full = next(tmp_path.glob("spread/1.0.0/*train*"))
    records = list(tf.data.TFRecordDataset(str(full)).as_numpy_iterator())
    for shard, part in enumerate((records[:1], records[1:5], records[5:])):
        name = full.name.replace("00000-of-00001", f"0000{shard}-of-00003")
        with tf.io.TFRecordWriter(str(full.parent / name)) as writer:
            for record in part:
                writer.write(record)
    full.unlink()
    info = full.parent / "dataset_info.json"
    info.write_text(info.read_text().replace('"6"', '"1", "4", "1"'))
    assert shown(open_tfds("spread", "train", data_dir=tmp_path)) == list(range(6))
    assert shown(open_tfds("spread", "train[:3]", data_dir=tmp_path)) == [0, 1, 2]


def test_a_file_that_was_cut_short(tmp_path):
    store(tmp_path, "cut", train=range(4), test=range(1))
    file = next(tmp_path.glob("cut/1.0.0/*train*"))
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(UserError, match="cut short"):
        open_tfds("cut", "train", data_dir=tmp_path)


def test_a_download_that_fails_is_one_line(tmp_path, monkeypatch):
    def unreachable(self, **options):
        raise ConnectionError("no route to host\nand a long story")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", unreachable)
    monkeypatch.setattr(source, "_resolves", lambda host: True)
    with pytest.raises(UserError, match="cannot download 'mnist': no route to host") as error:
        open_tfds("mnist", "train", data_dir=tmp_path, download=True)
    assert "\n" not in str(error.value)


def test_without_a_network_a_download_is_refused_at_once(tmp_path, monkeypatch):
    def fails(self, **options):
        raise AssertionError("tried to download")

    def unknown(host, port):
        raise OSError("name or service not known")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    monkeypatch.setattr(source.socket, "getaddrinfo", unknown)
    monkeypatch.setattr(source, "getproxies", dict)
    with pytest.raises(UserError, match="cannot download 'mnist': storage.googleapis.com cannot be reached"):
        open_tfds("mnist", "train", data_dir=tmp_path, download=True)


def test_what_is_prepared_is_not_downloaded_again(folder, monkeypatch):
    def fails(self, **options):
        raise AssertionError("asked to download")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    assert open_tfds("both", "train", data_dir=folder, download=True).count == 20


def prepared(folder, name, features, examples, version="1.0.0"):
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        data_dir=folder,
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(examples[:4])), "test": list(enumerate(examples[4:]))},
        disable_shuffling=True,
    )


IMAGE, LABEL = tfds.features.Image(shape=(3, 2, 1)), tfds.features.ClassLabel(names=["even", "odd"])
MORE = {
    "an id": ({"id": tfds.features.Text()}, lambda i: {"id": f"number {i}"}),
    "a number": ({"id": tfds.features.Scalar(np.int64)}, lambda i: {"id": i}),
    "several texts": ({"tags": tfds.features.Sequence(tfds.features.Text())}, lambda i: {"tags": ["a"] * i}),
    "a second picture": ({"mask": tfds.features.Image(shape=(3, 2, 1))}, lambda i: {"mask": pixels(9)}),
    "a box": ({"box": tfds.features.BBoxFeature()}, lambda i: {"box": tfds.features.BBox(0.0, 0.0, 1.0, 1.0)}),
    "a nested one": ({"who": {"name": tfds.features.Text()}}, lambda i: {"who": {"name": "x"}}),
}


@pytest.mark.parametrize("more", MORE)
def test_whatever_else_an_example_holds_only_picture_and_label_are_looked_at(tmp_path, more):
    """Another version of the library, or of the data set, describes the rest otherwise: its description is spoilt."""
    features, value = MORE[more]
    examples = [{"image": pixels(i), "label": i % 2, **value(i)} for i in range(6)]
    prepared(tmp_path, "more", {"image": IMAGE, "label": LABEL, **features}, examples)
    assert shown(open_tfds("more", "train", data_dir=tmp_path)) == [0, 1, 2, 3]
    file = tmp_path / "more" / "1.0.0" / "features.json"
    described = json.loads(file.read_text())
    inner = described["featuresDict"]["features"]
    for key in features:
        inner[key] = {"pythonClassName": "tensorflow_datasets.core.features.scalar.Scalar",
                      "tensor": {"shape": {}, "dtype": "int64", "encoding": "none"}}  # fmt: skip
    file.write_text(json.dumps(described))
    assert shown(open_tfds("more", "test", data_dir=tmp_path)) == [4, 5]


@pytest.mark.parametrize("version", ["0.9.0", "2.1.0", "10.0.0"])
def test_another_version_than_the_librarys_own_is_read_with_a_warning(tmp_path, version, caplog, monkeypatch):
    """mnist is 3.0.1 to this tensorflow-datasets; what lies prepared is another release of it."""
    examples = [{"image": pixels(i), "label": i % 2} for i in range(6)]
    prepared(tmp_path, "mnist", {"image": IMAGE, "label": LABEL}, examples, version)
    monkeypatch.setattr(messages, "_warned", set())
    source = open_tfds("mnist", "test", data_dir=tmp_path)
    assert shown(source) == [4, 5] and source.names == ("even", "odd")
    assert any(f"prepared as version {version}" in message for message in caplog.messages)


def spoilt(folder, make):
    """The data set with the first training example replaced by the bytes `make` gives of it."""
    file = next(folder.glob("*/1.0.0/*train*"))
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in (make(records[0]), *records[1:]):
            writer.write(record)


def without(key):
    def make(record):
        example = tf.train.Example.FromString(record)
        del example.features.feature[key]
        return example.SerializeToString()

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [lambda record: b"no example at all", lambda record: record[:9], without("image"), without("label"), lambda _: b""],
    ids=["text", "cut", "no picture", "no label", "empty"],
)
def test_an_example_that_cannot_be_parsed_is_not_called_a_broken_picture(tmp_path, make):
    """Nor is it passed over as one: it is the data set that another version has written."""
    store(tmp_path, "odd", train=range(6), test=range(2))
    spoilt(tmp_path, make)
    for skip_broken in (0, 6):
        with pytest.raises(UserError, match="example 0 of odd train.*prepare the data set again") as error:
            load_arrays("odd", "train", size=4, channels=1, data_dir=tmp_path, skip_broken=skip_broken)
        assert "picture:" not in str(error.value) and "damaged" not in str(error.value)


@pytest.mark.slow
def test_a_picture_in_it_that_is_broken_is_called_so(tmp_path):
    store(tmp_path, "odd", train=range(6), test=range(2))

    def broken(record):
        example = tf.train.Example.FromString(record)
        example.features.feature["image"].bytes_list.value[0] = b"no picture"
        return example.SerializeToString()

    spoilt(tmp_path, broken)
    with pytest.raises(UserError, match="example 0 of odd train is not a picture that can be read"):
        load_arrays("odd", "train", size=4, channels=1, data_dir=tmp_path)
    images, _, _ = load_arrays("odd", "train", size=4, channels=1, data_dir=tmp_path, skip_broken=1)
    assert len(images) == 5
