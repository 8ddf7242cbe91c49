"""Every reader of files from outside, on damaged copies of sound files: an answer, or an error in one line.

The default suite runs a few dozen cases of each, always the same ones; `pytest -m slow tests/fuzz` runs thousands. To
run more: KERAS_CNNS_FUZZ=20000 pytest -m slow tests/fuzz/test_readers.py
"""

import json
import os
import pickle
import shutil
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_cnns.data.pictures import read_picture
from keras_cnns.data.pillow import decoded
from keras_cnns.data.sources import tfds_features
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.inference.items import Shard, items
from keras_cnns.insight.report.subject import subject
from keras_cnns.insight.search import stored_features
from keras_cnns.saving.card import Card, read_card, write_card
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import read_yaml
from keras_cnns.tflite.file.metadata import Normalization, attach
from keras_cnns.tflite.file.metadata_reader import NAME, read_metadata
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.training.recipe import Recipe
from keras_cnns.weights.formats import readers
from tests.fuzz.mutations import damaged_bytes, damaged_json
from tests.weights import torch_written

FEW, MANY = 40, int(os.environ.get("KERAS_CNNS_FUZZ", 1500))
SECONDS = 20  # for one file, on a busy machine; a reader that takes longer hangs

TENSORS = {"conv.weight": np.arange(36, dtype=np.float32).reshape(1, 4, 3, 3), "conv.bias": np.ones(4, np.float32)}
FEATURES = {
    "pythonClassName": "tensorflow_datasets.core.features.features_dict.FeaturesDict",
    "featuresDict": {"features": {"image": {"pythonClassName": "tensorflow_datasets.core.features.Image"}}},
}
COCO = {
    "images": [{"id": n, "file_name": f"images/{n}.png", "width": 12, "height": 10} for n in range(4)],
    "annotations": [
        {"id": n, "image_id": n, "category_id": 1 + n % 2, "bbox": [1, 2, 5, 6], "iscrowd": 0, "area": 30,
         "segmentation": [[1, 2, 6, 2, 6, 8, 1, 8]]} for n in range(4)
    ],
    "categories": [{"id": 1, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "dog"}],
}  # fmt: skip
VOC = """<annotation><size><width>12</width><height>10</height><depth>3</depth></size><object><name>cat</name>
<difficult>0</difficult><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>7</xmax><ymax>9</ymax></bndbox></object></annotation>"""
YOLO = "path: .\ntrain: images\nval: images\nnames:\n  0: cat\n  1: dog\n"


def pictures(folder, count=4):
    """Pictures of 12 x 10 pixels called 0.png, 1.png ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.fromarray(np.full((10, 12, 3), 40 * n, np.uint8)).save(folder / f"{n}.png")


def tflite(folder):
    """A file of this package with metadata, labels and a card in it."""
    import keras
    import tensorflow as tf

    image = keras.Input((8, 8, 3), batch_size=1)
    model = keras.Model(image, keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(image)))
    function = tf.function(model, input_signature=[tf.TensorSpec((1, 8, 8, 3))]).get_concrete_function()
    data = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    return attach(data, Card("net", ("cat", "dog")), normalization=Normalization((127.5,), (127.5,)))


def index_file(folder):
    keys = np.array([f"{n}.png|100|200" for n in range(3)])
    np.savez(folder / "a.npz", stamp="stamp", keys=keys, features=np.ones((3, 4), np.float32))
    return (folder / "a.npz").read_bytes()


def keras_archive(folder):
    with zipfile.ZipFile(folder / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
    write_card(folder / "a.keras", Card("net", ("cat", "dog"), {"recipe": {"augment": {"crop": "whole"}}}))
    return (folder / "a.keras").read_bytes()


def hdf5(folder):
    import keras

    image = keras.Input((4, 4, 2))
    keras.Model(image, keras.layers.Dense(3)(keras.layers.Conv2D(2, 3)(image))).save_weights(folder / "a.weights.h5")
    return (folder / "a.weights.h5").read_bytes()


def torch_file(zipped):
    def write(folder):
        torch_written.save(TENSORS, folder / "a.pth", zipped)
        return (folder / "a.pth").read_bytes()

    return write


def picture_file(kind):
    def write(folder):
        noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"a.{kind}")
        return (folder / f"a.{kind}").read_bytes()

    return write


def tar_file(mode):
    def write(folder):
        pictures(folder, 2)
        with tarfile.open(folder / "a.tar", mode) as archive:
            for n in range(2):
                archive.add(folder / f"{n}.png", f"{'long/' * 30 * n}{n}.png")
        return (folder / "a.tar").read_bytes()

    return write


def tfrecord(folder):
    import tensorflow as tf

    values = tf.train.BytesList(value=[picture_file("png")(folder)])
    features = tf.train.Features(feature={"image/encoded": tf.train.Feature(bytes_list=values)})
    with tf.io.TFRecordWriter(str(folder / "a.tfrecord")) as writer:
        writer.write(tf.train.Example(features=features).SerializeToString())
    return (folder / "a.tfrecord").read_bytes()


def pictures_in(path):
    return list(items(path, Shard()))


def read_tflite(path):
    metadata = read_contents(path).metadata.get(NAME)
    return None if metadata is None else read_metadata(metadata)


def shape_of(path):
    return read_picture(path, (8, 8, 3)).shape


FILES = {  # kind: (name, sound bytes, reader)
    "tflite": ("a.tflite", tflite, read_tflite),
    "card": ("a.keras", keras_archive, read_card),
    "card in a tflite": ("a.tflite", tflite, read_card),
    "safetensors": ("a.safetensors", lambda folder: safetensors.numpy.save(TENSORS), readers.read),
    "torch": ("a.pth", torch_file(True), readers.read),
    "older torch": ("a.pth", torch_file(False), readers.read),
    "hdf5": ("a.weights.h5", hdf5, readers.read),
    "png": ("a.png", picture_file("png"), shape_of),
    "jpeg": ("a.jpg", picture_file("jpg"), shape_of),
    "tar": ("a.tar", tar_file("w"), pictures_in),
    "packed tar": ("a.tar.gz", tar_file("w:gz"), pictures_in),
    "tfrecord": ("a.tfrecord", tfrecord, pictures_in),
    "arrays": (
        "a.pkl",
        lambda folder: pickle.dumps({"model": {"conv.weight": TENSORS["conv.weight"]}}, 2),
        readers.read,
    ),
    "yaml": ("data.yaml", lambda folder: YOLO.encode(), read_yaml),
    "features": ("features.json", lambda folder: json.dumps(FEATURES).encode(), tfds_features.check_file),
    "index": ("a.npz", index_file, lambda path: stored_features(path, "stamp", 4)),
    "recipe": (
        "recipe.json",
        lambda folder: Recipe("lenet5").json().encode(),
        lambda p: Recipe.from_json(p.read_text()),
    ),
}


def check(read, path):
    """An answer, or one line that says what is wrong."""
    start = time.monotonic()
    try:
        read(path)
    except UserError as error:
        assert str(error) and "\n" not in str(error)
    except UnicodeDecodeError:
        assert path.name == "recipe.json"  # `from_json` takes a text: the file is decoded by its caller
    assert time.monotonic() - start < SECONDS


def fuzz(examples, strategy, body, phases=tuple(Phase)):
    options = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck), "database": None}
    settings(max_examples=examples, phases=phases, **options)(given(strategy)(body))()


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_damaged_file(kind, examples, tmp_path):
    name, make, read = FILES[kind]
    sound, path = make(tmp_path), tmp_path / "damaged" / name
    path.parent.mkdir()
    path.write_bytes(sound)
    read(path)

    def body(data):
        path.write_bytes(data)
        check(read, path)

    fuzz(examples, damaged_bytes(sound), body)


def read_all(folder, target):
    """Every sample of both splits; a UserError counts as an answer. Nothing from outside is among the pictures."""
    for split in ("train", "test"):
        try:
            source = open_source(f"folder:{folder}", split, target)
            for number in range(min(source.count, 4)):
                picture = source.read(number).picture
                picture = decoded(picture, 3) if isinstance(picture, bytes) else picture
                assert picture.max() < 200, "a picture from outside was read"
        except UserError as error:
            assert str(error) and "\n" not in str(error)


def data_set(form, folder):
    """(file to damage, its sound content, target) of a small data set in `folder`, with a bright picture outside."""
    folder.mkdir()
    pictures(folder / "images")
    Image.fromarray(np.full((10, 12, 3), 255, np.uint8)).save(folder.parent / "x.png")
    if form == "coco":
        return folder / "annotations.json", COCO, "boxes"
    if form == "coco polygons":
        return folder / "annotations.json", COCO, "mask"
    if form == "voc":
        for n in range(4):
            (folder / "images" / f"{n}.xml").write_text(VOC)
        return folder / "images" / "1.xml", VOC, "boxes"
    (folder / "data.yaml").write_text(YOLO)
    (folder / "labels").mkdir()
    for n in range(4):
        (folder / "labels" / f"{n}.txt").write_text("0 0.5 0.5 0.25 0.25\n1 0.4 0.4 0.2 0.2\n")
    name = "data.yaml" if form == "yolo" else "labels/1.txt"
    return folder / name, (folder / name).read_text(), "boxes"


@pytest.mark.parametrize("form", ["coco", "coco polygons", "voc", "yolo", "yolo labels"])
@pytest.mark.parametrize("examples", [FEW // 2, pytest.param(MANY // 3, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_data_set_with_a_damaged_file(form, examples, tmp_path):
    file, sound, target = data_set(form, tmp_path / "data")
    structured = not isinstance(sound, str)
    text = json.dumps(sound) if structured else sound
    file.write_text(text)
    assert open_source(f"folder:{tmp_path / 'data'}", "train", target).count
    damaged = damaged_bytes(text.encode())
    cases = st.one_of(damaged_json(sound).map(str.encode), damaged) if structured else damaged

    def body(data):
        file.write_bytes(data)
        os.utime(file, ns=(time.time_ns(), time.time_ns()))
        start = time.monotonic()
        read_all(tmp_path / "data", target)
        assert time.monotonic() - start < SECONDS

    fuzz(examples, cases, body)


def run_folder(folder):
    """What a finished run leaves, without its models."""
    folder.mkdir()
    contents = {
        "recipe.json": json.loads(Recipe("lenet5", out=str(folder)).json()),
        "metrics.json": {"accuracy": 0.9, "classes": {"0": {"recall": 0.9}}, "confusion": [[1, 0], [0, 1]]},
        "report.json": {"exports": [{"scheme": "int8", "size_bytes": 5, "status": "pass"}]},
    }
    for name, values in contents.items():
        (folder / name).write_text(json.dumps(values))
    (folder / "history.csv").write_text("epoch,loss,accuracy\n1,0.5,0.8\n2,0.4,0.9\n")
    return contents | {"history.csv": (folder / "history.csv").read_text()}


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_run_folder_with_a_damaged_file(examples, tmp_path):
    contents = run_folder(tmp_path / "sound")
    subject(tmp_path / "sound")

    @st.composite
    def cases(draw):
        name = draw(st.sampled_from(sorted(contents)))
        sound = contents[name]
        text = sound if isinstance(sound, str) else json.dumps(sound)
        if isinstance(sound, str) or draw(st.booleans()):
            return name, draw(damaged_bytes(text.encode()))
        return name, draw(damaged_json(sound)).encode()

    def body(case):
        name, data = case
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "sound", folder)
        (folder / name).write_bytes(data)
        check(subject, folder)

    fuzz(examples, cases(), body)


def test_a_reader_that_fails_is_noticed(tmp_path):
    """What the tests above hold true would not be true of a reader that raises anything else, or has two lines."""

    def careless(path):
        return json.loads(Path(path).read_bytes())

    with pytest.raises(Exception) as error:
        cases = damaged_bytes(b'{"a": [1, 2, 3]}')
        fuzz(FEW, cases, lambda data: check(careless, _written(tmp_path / "a", data)), phases=[Phase.generate])
    assert not isinstance(error.value, UserError)


def _written(path, data):
    path.write_bytes(data)
    return path
