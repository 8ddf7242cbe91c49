"""Files of other releases of Keras: 3.0 to 3.9 wrote no names of layers into the weights, Keras 2 has other groups."""

import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.formats.readers import read

SHAPE = (64, 64, 3)


def nameless(source, target):
    """The file as Keras before 3.10 has written it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry == "model.weights.h5":
                bare = target.with_suffix(".bare.h5")
                bare.write_bytes(data)
                unnamed(bare)
                data = bare.read_bytes()
            new.writestr(entry, data)
    return target


def unnamed(path):
    with h5py.File(path, "a") as file:
        file.visititems(lambda _, group: group.attrs.pop("name", None) and None)
    return path


def head(below, library=keras):
    layers = library.layers
    return {
        "none": lambda: below,
        "functional": lambda: library.Model(below.input, layers.Dense(5, name="scores")(below.output)),
        "sequential": lambda: library.Sequential([below, layers.Dropout(0.2), layers.Dense(5)]),
        "nested": lambda: library.Model(image := library.Input(SHAPE), layers.Dense(5)(below(image))),
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["none", "functional", "sequential", "nested"])
def test_a_whole_model_says_its_layers_names_itself(kind, tmp_path):
    below = randomize(keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=SHAPE))
    head(below)[kind]().save(tmp_path / "new.keras")
    old = nameless(tmp_path / "new.keras", tmp_path / "old.keras")
    mine, theirs = read(old).arrays, read(tmp_path / "new.keras").arrays
    assert mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in theirs)
    with pytest.warns(UserWarning, match="predictions keeps its initial weights"):
        ours = keras_cnns.build("mobilenet_v2", weights=old, input_shape=SHAPE, classes=7)
    x = pictures(2, SHAPE)
    features = keras.Model(ours.input, ours.get_layer("predictions").input)
    np.testing.assert_allclose(features(x, training=False), below(x, training=False), rtol=0, atol=1e-5)


def test_weights_alone_without_names_are_refused_as_such(tmp_path):
    model = keras_cnns.build("squeezenet1_1", input_shape=SHAPE, classes=5)
    model.save_weights(tmp_path / "new.weights.h5")
    old = unnamed(shutil.copy(tmp_path / "new.weights.h5", tmp_path / "old.weights.h5"))
    before = model.get_weights()
    with pytest.raises(UserError, match=r"carry no names of layers: save the whole model \(.keras\)") as error:
        keras_cnns.load_weights(model, old)
    assert "damaged" not in str(error.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["x.h5", "x.keras", "alone.h5"])
@pytest.mark.parametrize("kind", ["none", "functional", "sequential", "nested"])
def test_files_of_keras_2(kind, file, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    below = tf_keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=SHAPE)
    below.set_weights(
        randomize(
            keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=SHAPE)
        ).get_weights()
    )
    model = head(below, tf_keras)[kind]()
    model.save_weights(str(tmp_path / file)) if file == "alone.h5" else model.save(str(tmp_path / file))
    with pytest.warns(UserWarning, match="predictions keeps its initial weights"):
        ours = keras_cnns.build("mobilenet_v2", weights=tmp_path / file, input_shape=SHAPE, classes=7)
    x = pictures(2, SHAPE)
    features = keras.Model(ours.input, ours.get_layer("predictions").input)
    np.testing.assert_allclose(features(x, training=False), below(x, training=False), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_names_with_slashes_in_a_file_of_keras_2(tmp_path):
    """MobileNetV3's blocks are called "expanded_conv_1/expand" there, which Keras 3 does not allow."""
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    theirs = tf_keras.applications.MobileNetV3Small(
        weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    theirs.set_weights([w if w.ndim > 1 else np.abs(w + rng.normal(0, 0.1, w.shape)) for w in theirs.get_weights()])
    theirs.save(tmp_path / "x.keras")
    ours = keras_cnns.build(
        "mobilenet_v3_small",
        weights=tmp_path / "x.keras",
        input_shape=(64, 64, 3),
        classifier_activation=None,
        include_preprocessing=True,
    )
    pixels = pictures(2, (64, 64, 3), high=255.0)
    expected = theirs(pixels, training=False).numpy()
    np.testing.assert_allclose(ours(pixels, training=False), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
