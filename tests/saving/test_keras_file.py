"""Opening .keras files, the deep ones too."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.inference.predict import predict
from keras_cnns.saving.keras_file import load_model
from keras_cnns.testing import randomize


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no zip at all" * 100])
def test_a_damaged_file_is_named_in_one_line(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(UserError, match="cannot read .*model.keras") as error:
        load_model(tmp_path / "model.keras")
    assert "\n" not in str(error.value)


def small():
    image = keras.Input((4, 4, 1))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))


@keras.saving.register_keras_serializable("somebody")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return x * 2


class Unknown(keras.layers.Layer):
    def call(self, x):
        return x * 2


def with_layer(path, layer):
    image = keras.Input((4, 4, 1))
    keras.Model(image, layer(image)).save(path)
    return path


def archive(path, name):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, "x")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
INSTEAD = {
    "a git-lfs pointer": lambda path: path.write_bytes(POINTER),
    "it is empty": lambda path: path.write_bytes(b""),
    "a .tflite file": lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(50)),
    "a web page": lambda path: path.write_bytes(b"<!doctype html>"),
    "cut short": lambda path: (small().save(path), path.write_bytes(path.read_bytes()[:900])),
    "a zip archive of something else": lambda path: archive(path, "hello.txt"),
    "weights alone": lambda path: archive(path, "x/data.pkl"),
    "a folder": lambda path: path.mkdir(),
    "a SavedModel": lambda path: (path.mkdir(), (path / "saved_model.pb").touch()),
    "it has Unknown, which is not Keras's": lambda path: with_layer(path, Unknown()),
}


@pytest.mark.parametrize("message", INSTEAD)
def test_the_message_says_what_the_file_is_instead(tmp_path, message):
    path = tmp_path / "model.keras"
    INSTEAD[message](path)
    with pytest.raises(UserError, match="cannot read .*model.keras as a Keras model") as error:
        load_model(path)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.weights.h5", "a.safetensors", "a.pth"])
def test_a_file_of_weights_says_where_to_give_it(tmp_path, name):
    path = tmp_path / name
    if name.endswith("h5"):
        small().save_weights(path)
    else:
        path.write_bytes(b"\x80\x02}q" if name.endswith("pth") else b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(UserError, match="load_weights"):
        load_model(path)


def test_a_layer_of_somebodys_that_keras_knows_is_no_matter(tmp_path):
    assert load_model(with_layer(tmp_path / "own.keras", Doubled())).layers[1].name.startswith("doubled")


def test_a_configuration_that_nests_too_deep_is_refused_and_the_limit_stays(tmp_path):
    limit, path = sys.getrecursionlimit(), tmp_path / "model.keras"
    small().save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["config.json"] = b"[" * 100_000 + b"]" * 100_000
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="cannot read .*: its brackets are nested more than 200 deep") as error:
        load_model(path)
    assert "\n" not in str(error.value) and sys.getrecursionlimit() == limit


@pytest.mark.slow
def test_a_thousand_layers_come_back_in_a_new_process(tmp_path):
    model = randomize(build("resnet1001_v2_cifar", input_shape=(8, 8, 3)))
    model.save(tmp_path / "deep.keras")
    images = np.ones((1, 8, 8, 3), "float32")
    np.save(tmp_path / "answer.npy", model(images, training=False).numpy())
    code = (
        "import numpy as np, keras_cnns.saving.keras_file as s; m = s.load_model('deep.keras');"
        "assert np.array_equal(m(np.ones((1, 8, 8, 3), 'float32'), training=False).numpy(), np.load('answer.npy'))"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **env}, capture_output=True)
    assert done.returncode == 0, done.stderr[-500:]


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scores = keras.layers.Dense(2)

    def call(self, x):
        return self.scores(keras.ops.mean(x, (1, 2)))


@pytest.mark.parametrize("form", ["subclassed", "not built"])
def test_a_model_without_an_input_says_so_where_pictures_are_predicted(tmp_path, form):
    model = Subclassed() if form == "subclassed" else keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    if form == "subclassed":
        model(np.zeros((1, 8, 8, 3), "float32"))
    model.save(tmp_path / "net.keras")
    keras.utils.save_img(tmp_path / "a.png", np.zeros((8, 8, 3)))
    with pytest.raises(UserError, match="keras.Input"):
        predict(tmp_path / "net.keras", tmp_path / "a.png")


def test_a_file_of_keras_2_is_called_one(tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    image = tf_keras.Input((8, 8, 3))
    model = tf_keras.Model(image, tf_keras.layers.Flatten()(tf_keras.layers.Conv2D(2, 3)(image)))
    model.save(tmp_path / "old.keras")
    with pytest.raises(UserError, match=r"was saved by Keras 2\.\d+\.\d+ \(tf_keras\)") as error:
        load_model(tmp_path / "old.keras")
    assert "\n" not in str(error.value)
