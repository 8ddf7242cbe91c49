"""Model files as Keras has saved them over the years, and habits around them: the same answers, or one line why not."""

import re
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.inference.predict import predict
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.settings import Description
from keras_cnns.training import Recipe, train


def small(classes=3):
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Dense(classes, "softmax")(keras.layers.Flatten()(image)))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), "uint8")).save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["keras", "h5", "hdf5"])
def test_every_file_that_keras_loads_is_predicted_with_and_explained(ending, picture, tmp_path):
    """`export` takes them, so `predict` and `explain` do."""
    model, path = small(), tmp_path / f"net.{ending}"
    model.save(path)
    (result,) = predict(path, picture)
    expected = model.predict(np.asarray(Image.open(picture), "float32")[None], verbose=0)[0]
    scores = dict(result["classes"])
    np.testing.assert_allclose([scores[n] for n in sorted(scores)], expected, atol=1e-6)
    with pytest.raises(SystemExit) as end:
        commands.main(["explain", str(path), str(picture), "--method", "occlusion", "--out", str(tmp_path)])
    assert not end.value.code


@pytest.mark.slow
def test_a_file_of_weights_is_no_model(picture, tmp_path):
    path = tmp_path / "net.weights.h5"
    small().save_weights(path)
    with pytest.raises(UserError, match="weights"):
        predict(path, picture)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sequential", "nested"])
def test_other_models_of_keras_2_answer_the_same_or_are_called_that(kind, picture, tmp_path):
    """Keras 3 loads some of them."""
    tf_keras = pytest.importorskip("tf_keras")
    layers = tf_keras.layers
    stack = [layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3, "softmax")]
    model = tf_keras.Sequential([tf_keras.Input((8, 8, 3)), *stack])
    model.layers[1].set_weights([np.float32([1, 2]), np.float32([3, 4]), np.float32([90, 10]), np.float32([9, 2])])
    if kind == "nested":
        image = tf_keras.Input((8, 8, 3))
        model = tf_keras.Model(image, layers.Reshape((3,))(model(image)))
    model.save(tmp_path / "old.keras")
    try:
        (result,) = predict(tmp_path / "old.keras", picture)
    except UserError as error:
        assert re.search(r"was saved by Keras 2\.\d+\.\d+ \(tf_keras\)", str(error))
        return
    expected = model.predict(np.asarray(Image.open(picture), "float32")[None], verbose=0)[0]
    scores = dict(result["classes"])
    np.testing.assert_allclose([scores[n] for n in sorted(scores)], expected, atol=1e-5)


LINES = [np.array(["a\nb", "c", "d"], object), ("a\x85b", "c", "d"), {0: "a\n\nb", 1: "c", 2: "d"}]


@pytest.mark.slow
@pytest.mark.parametrize("names", LINES, ids=["array", "tuple", "dict"])
def test_names_of_any_kind_give_one_line_each(names, tmp_path):
    path, images = tmp_path / "net.tflite", np.random.default_rng(0).uniform(0, 1, (8, 8, 8, 3)).astype("float32")
    export(small(), path, names=names, images=images, force=True)
    assert len(read_card(path).labels) == 3
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().replace("  ", " ").splitlines() == ["a b", "c", "d"]


def test_an_array_of_objects_is_a_list_of_names():
    assert Description(names=np.array(["cat", "dog"], object)).names == ("cat", "dog")


def pictures_in(folder, task):
    """Ten pictures of two classes: in class folders, or with masks."""
    pixels = np.random.default_rng(0).integers(0, 255, (10, 32, 32, 3), "uint8")
    for n in range(10):
        path = folder / ("images" if task == "mask" else f"class {n % 2}") / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[n]).save(path)
        if task == "mask":
            (folder / "masks").mkdir(exist_ok=True)
            Image.fromarray((pixels[n, ..., 0] > 99).astype("uint8")).save(folder / "masks" / f"{n}.png")
    if task == "mask":
        (folder / "classes.txt").write_text("background\nbright\n")
    return f"folder:{folder}"


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("task", ["label", "mask"])
def test_a_recipe_in_float32_under_a_global_policy(policy, task, tmp_path):
    """Of a classifier and a segmenter: no layer computes in 16 bits, and the policy is what it was."""
    small = {"columns": {"widths": (4, 4, 4, 4, 4), "fc": ()}}
    network = {"model": "vgg11_bn", "overrides": {"widths": (4, 4, 4, 4, 4), "fc": ()}}
    if task == "mask":
        network = {"model": "fcn32s", "overrides": {"backbone": "vgg11_bn", **small}}
    dataset = pictures_in(tmp_path / "data", task)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        run = {
            "input_shape": (32, 32, 3),
            "epochs": 1,
            "batch_size": 4,
            "strategy": "one",
            "out": str(tmp_path / "run"),
        }
        trained = train(Recipe(dataset=dataset, **network, **run), quiet=True)
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.compute_dtype for layer in trained.model.layers} == {"float32"}
