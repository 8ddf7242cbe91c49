"""`keras-cnns explain`: files that can be looked at, and a line for what cannot be done."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import build, insight, tflite
from keras_cnns.cli import commands
from keras_cnns.data.pictures import read_picture
from keras_cnns.inference.predict import predict
from keras_cnns.insight.explain import METHODS
from keras_cnns.insight.figures import draw
from keras_cnns.insight.maps.tflite_file import File
from keras_cnns.saving.card import Card, write_card
from keras_cnns.saving.keras_file import load_model
from keras_cnns.testing import pictures, randomize


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    model = randomize(build("nin_cifar", classes=3, include_preprocessing=True))
    model.save(folder / "net.keras")
    write_card(folder / "net.keras", Card("net", ("circle", "square", "star")))
    dense = randomize(build("lenet5", classes=2))
    dense.save(folder / "lenet.keras")
    tflite.export(dense, folder / "lenet.tflite", images=pictures(4, (32, 32, 1)))
    for i, pixels in enumerate(pictures(2, (40, 50, 3), high=255)):
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
    (folder / "text.png").write_text("no picture")
    return folder


def run(capsys, folder, words):
    words = [str(folder / w) if w.endswith((".keras", ".tflite", ".png")) else w for w in words.split()]
    with pytest.raises(SystemExit) as exit:
        commands.main(["explain", *words, "--out", str(folder / "out")])
    out, err = capsys.readouterr()
    return exit.value.code, out, err


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_writes_a_picture(capsys, folder, method):
    more = {
        "deconvnet": "--layer mlpconv1_conv --channel 3",
        "feature_maps": "--layer mlpconv1_conv",
        "maximize": "--target 2",
    }.get(method, "--target 1")
    if method in ("deconvnet", "feature_maps"):
        from keras_cnns import profile

        layer = next(row.name for row in profile(build("nin_cifar")) if row.kind == "Conv2D")
        more = more.replace("mlpconv1_conv", layer)
    status, out, err = run(capsys, folder, f"net.keras 0.png 1.png --method {method} {more} --json")
    files = json.loads(out)
    assert status == 0 and len(files) == (2 if method == "feature_maps" else 1)
    for file in files:
        shown = np.asarray(Image.open(file).convert("L"), float)
        assert min(shown.shape) > 100 and shown.std() > 10


def test_filters(capsys, folder):
    status, out, _ = run(capsys, folder, "net.keras --filters")
    assert status == 0 and Image.open(out.strip()).size[0] > 100


@pytest.mark.slow
def test_a_tflite_file_with_a_class_map(capsys, folder):
    """From the command that makes it to the picture, which is that of the .keras file; the file still predicts."""
    with pytest.raises(SystemExit) as exit:
        commands.main(["export", str(folder / "net.keras"), "--explain", "cam", "--out", str(folder / "mapped.tflite")])
    assert exit.value.code == 0
    capsys.readouterr()
    status, out, err = run(capsys, folder, "mapped.tflite 0.png 1.png --method cam --target 2")
    assert status == 0 and out.strip().endswith("mapped_cam.png"), err
    paths = [folder / "0.png", folder / "1.png"]
    images = np.stack([read_picture(path, (32, 32, 3)) for path in paths])
    maps, classes = File(folder / "mapped.tflite").maps("cam", images, insight.Class(2))
    assert classes.tolist() == [2, 2]
    expected = insight.cam(load_model(folder / "net.keras"), images, 2)
    np.testing.assert_allclose(maps, expected, atol=1e-3 * np.abs(expected).max())
    for first, other in zip(*(predict(folder / f, paths) for f in ("net.keras", "mapped.tflite")), strict=True):
        assert [name for name, _ in first["classes"]] == [name for name, _ in other["classes"]]
    status, _, err = run(capsys, folder, "mapped.tflite 0.png --method occlusion")
    assert status == 0, err


@pytest.mark.slow
def test_a_model_of_two_heads_is_asked_for_one(capsys, folder):
    image = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    heads = [keras.layers.Dense(2, name="first")(x), keras.layers.Dense(5, name="second")(x)]
    model = randomize(keras.Model(image, heads))
    model.save(folder / "heads.keras")
    tflite.export(model, folder / "heads.tflite")
    for file in ("heads.tflite 0.png --method occlusion", "heads.keras 0.png", "heads.keras 0.png --method cam"):
        assert run(capsys, folder, f"{file} --target 4 --output second")[0] == 0
        assert run(capsys, folder, f"{file} --target 4 --output 1")[0] == 0
        for words, says in (("--target 4", "no class 4: the model has 2"), ("--output third", "no output 'third'")):
            status, _, err = run(capsys, folder, f"{file} {words}")
            assert status == 2 and says in err and err.count("\n") == 1


def test_a_tflite_file_is_explained_by_covering(capsys, folder):
    status, out, _ = run(capsys, folder, "lenet.tflite 0.png --method occlusion --pixels 0 1")
    assert status == 0 and out.strip().endswith("lenet_occlusion.png")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("net.keras 0.png --method grad_kam", "Did you mean grad_cam"),
        ("net.keras", "needs a picture"),
        ("net.keras 0.png --target 3", "no class 3: the model has 3, 0 to 2"),
        ("net.keras 0.png --layer predicshuns", "no layer 'predicshuns'"),
        ("net.keras 0.png --method saliency --layer x", "leave --layer out"),
        ("net.keras text.png", "is not a picture"),
        ("net.keras 0.png --method deconvnet", "--layer and --channel"),
        ("net.keras 0.png --method feature_maps", "needs --layer"),
        ("net.keras --method maximize", "--target CLASS"),
        ("lenet.tflite 0.png", "use occlusion"),
        ("lenet.tflite 0.png --method cam", "--explain cam` makes such a file"),
        ("lenet.tflite 0.png --method occlusion --layer x", "leave --layer out"),
        ("lenet.tflite 0.png --method occlusion --target 2", "no class 2: the model has 2, 0 to 1"),
        ("net.keras 0.png --target -1", "no class -1"),
        ("net.keras 0.png --output 1", "no output 1"),
        ("net.keras 0.png --channel 1", "leave --channel out"),
        ("net.keras 0.png --method feature_maps --layer x --target 1", "leave --target out"),
        ("net.keras 0.png --pixels 1 1", "black and white are both 1"),
        ("lenet.tflite --filters", "give a .keras file"),
        ("nothing.keras 0.png", "there is no file"),
        ("nothing.tflite 0.png --method occlusion", "there is no file"),
        ("0.png 0.png", "is none of .keras, .h5"),
    ],
)
def test_mistakes_end_in_one_line(capsys, folder, words, says):
    status, _, err = run(capsys, folder, words)
    assert status == 2 and says in err and err.count("\n") == 1


def test_a_projection_that_is_zero_nearly_everywhere_keeps_its_shades():
    values = np.zeros((64, 64, 3), "float32")
    values[10:18, 20:28] = np.linspace(-1, 1, 192).reshape(8, 8, 3)
    pixels = draw.around_grey(values)
    patch = pixels[10:18, 20:28]
    assert ((patch == 0) | (patch == 1)).mean() < 0.02 and (np.delete(pixels, np.s_[10:18], 0) == 0.5).all()
    np.testing.assert_array_equal(draw.around_grey(0 * values), np.full_like(values, 0.5))
