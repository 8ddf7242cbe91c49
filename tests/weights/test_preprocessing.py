"""The preprocessing of a file is the file's: read from the graph of its network, whoever wrote it."""

import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns.blocks.preprocessing import PREPROCESSING, Preprocessing
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights import preprocessing as pixels
from keras_cnns.weights.formats.readers import read

SMALL = {"input_shape": (64, 64, 3), "classes": 5, "classifier_activation": None}


def answers(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def assert_alike(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3 * np.ptp(theirs))


@pytest.mark.parametrize(
    "preprocessing", [*PREPROCESSING, Preprocessing(scale=1 / 64, mean=(1.0, 2.0, 1.5), std=(1.0, 0.9, 1.1))]
)
def test_what_a_network_of_ours_was_trained_with_comes_back(preprocessing, tmp_path):
    x = pictures(2, SMALL["input_shape"], high=255.0)
    saved = keras_cnns.build("squeezenet1_1", preprocessing=preprocessing, include_preprocessing=True, **SMALL)
    kept = [(n, n.get_weights()) for n in saved.layers if isinstance(n, keras.layers.Normalization)]
    randomize(saved)
    for layer, values in kept:
        layer.set_weights(values)
        layer.finalize_state()
    saved.save(tmp_path / "x.keras")
    again = keras_cnns.build("squeezenet1_1", weights=tmp_path / "x.keras", include_preprocessing=True, **SMALL)
    assert_alike(answers(again, x), answers(saved, x))


def written(tmp_path, before):
    """A file of Keras's whose network does `before` with pixels, and what it does with them."""
    image = keras.Input((8, 8, 3))
    seen = before(image)
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(seen)))
    keras.Model(image, outputs).save(tmp_path / "x.keras")
    return pixels.preprocessing(read(tmp_path / "x.keras")), keras.Model(image, seen)


BEFORE = {
    "divided": lambda x: x / 127.5 - 1.0,
    "by arrays": lambda x: (x - np.array([1.0, 2.0, 3.0], "float32")) / np.array([4.0, 5.0, 6.0], "float32"),
    "caffe": lambda x: keras.applications.resnet50.preprocess_input(x),
    "reversed by slicing": lambda x: x[..., ::-1] / 255.0 if False else keras.ops.flip(x, -1) / 255.0,
    "layers": lambda x: keras.layers.Normalization(mean=[3.0, 4.0, 5.0], variance=[4.0, 9.0, 16.0])(x),
    "two layers": lambda x: keras.layers.Rescaling([1.0, 2.0, 3.0])(keras.layers.Rescaling(1 / 255, 0.5)(x)),
    "behind augmentation": lambda x: keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(x)),
    "a model of its own": lambda x: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(0.1)])(x),
}


@pytest.mark.parametrize("before", BEFORE)
def test_what_a_graph_does_with_pixels(before, tmp_path):
    result, reference = written(tmp_path, BEFORE[before])
    x = pictures(2, (8, 8, 3), high=255.0)
    image = keras.Input((8, 8, 3))
    ours = keras.Model(image, PREPROCESSING.get(result, result)(image)) if isinstance(result, str) else None
    ours = ours or keras.Model(image, result(image))
    np.testing.assert_allclose(answers(ours, x), answers(reference, x), rtol=0, atol=1e-3)


def test_nothing_before_the_network_is_nothing(tmp_path):
    assert written(tmp_path, lambda x: x)[0] is None


@pytest.mark.parametrize(
    "before", [lambda x: keras.layers.CenterCrop(6, 6)(x), lambda x: keras.ops.mean(x, -1, True) + x]
)
def test_what_cannot_be_read_is_not_guessed(before, tmp_path):
    assert written(tmp_path, before)[0] in (pixels.UNKNOWN, None)


QUICK = {("caffe", 1), ("torch", 2), ("caffe", 4), ("torch", 7), ("tf", 1)}


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        pytest.param(name, channels, marks=[] if (name, channels) in QUICK else [pytest.mark.slow])
        for name in sorted(PREPROCESSING)
        for channels in (1, 2, 4, 6, 7)
    ],
)
@pytest.mark.filterwarnings("ignore:.*input channels")
def test_other_channels_give_what_the_repeated_one_gives(name, channels, tmp_path):
    options = {"preprocessing": name, "include_preprocessing": True}
    colour = keras_cnns.build("squeezenet1_1", **options, **SMALL)
    colour.save(tmp_path / "x.keras")
    shape = (64, 64, channels)
    model = keras_cnns.build("squeezenet1_1", weights=tmp_path / "x.keras", **options, **SMALL | {"input_shape": shape})
    grey = pictures(2, (64, 64, 1), high=255.0)
    expected = answers(colour, np.repeat(grey, 3, axis=-1))
    assert_alike(answers(model, np.repeat(grey, channels, axis=-1)), expected)


def test_a_network_that_took_pixels_says_so(tmp_path):
    keras_cnns.build("squeezenet1_1", include_preprocessing=True, **SMALL).save(tmp_path / "x.keras")
    with pytest.warns(UserWarning, match="include_preprocessing=True"):
        keras_cnns.build("squeezenet1_1", weights=tmp_path / "x.keras", **SMALL)


def test_no_warning_if_the_caller_states_it(tmp_path, recwarn):
    keras_cnns.build("squeezenet1_1", include_preprocessing=True, **SMALL).save(tmp_path / "x.keras")
    for message in (True, False):
        keras_cnns.build("squeezenet1_1", weights=tmp_path / "x.keras", include_preprocessing=message, **SMALL)
    assert not [w for w in recwarn if "include_preprocessing" in str(w.message)]
