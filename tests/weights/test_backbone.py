"""A classifier's weights in networks that stand on it: stages by name, dense layers as convolutions by reshaping."""

import keras
import numpy as np
import pytest

from keras_cnns import UserError, build, load_weights, to_fully_convolutional
from keras_cnns.testing import pictures, randomize

NARROW = {"widths": (4, 4, 8, 8, 8)}


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A narrow VGG-16 of a hundred classes, and its file."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.weights.h5"
    model = randomize(build("vgg16", classes=100, classifier_activation=None, **NARROW))
    model.save_weights(path)
    return model, path


@pytest.mark.slow
def test_fcn_gets_the_classifier_as_convolutions(vgg):
    """fc7 of the FCN, without padding, is that of the classifier that slides."""
    model, path = vgg
    with pytest.warns(UserWarning, match="vgg16 is loaded .*score"):
        fcn = build("fcn32s_vgg16", weights=path, columns=NARROW, input_shape=(224, 224, 3))
    np.testing.assert_array_equal(
        fcn.get_layer("fc6_conv").kernel, np.reshape(model.get_layer("fc6").kernel, (7, 7, 8, 4096))
    )
    image = pictures(1, (224, 224, 3))
    ours = keras.Model(fcn.input, fcn.get_layer("fc7_relu").output)(image)
    slid = to_fully_convolutional(model)
    theirs = keras.Model(slid.input, slid.get_layer("fc7_relu").output)(image)
    np.testing.assert_allclose(ours[0, 3, 3], theirs[0, 0, 0], rtol=1e-3, atol=1e-4)  # in the middle it sees all of it
    assert np.isfinite(fcn(image)).all()


@pytest.mark.slow
def test_fast_rcnn_gets_stages_and_fully_connected_layers(vgg):
    model, path = vgg
    with pytest.warns(UserWarning, match="class_scores"):
        fast = build("fast_rcnn_vgg16", weights=path, columns=NARROW, input_shape=(64, 64, 3))
    for name in ("conv1_1_conv", "conv5_3_conv", "fc6", "fc7"):
        for here, there in zip(fast.get_layer(name).get_weights(), model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(here, there)


@pytest.mark.slow
def test_the_numerics_of_the_backbones_weights_come_with_them(tmp_path):
    """A MobileNetV2 with torch's padding: what the file shows is what is built."""
    from keras_cnns.blocks.conv import TORCH

    columns = {"width": 0.35}
    theirs = randomize(build("mobilenet_v2", numerics=TORCH, input_shape=(64, 64, 3), **columns))
    theirs.save(tmp_path / "base.keras")
    with pytest.warns(UserWarning, match="mobilenet_v2 is loaded"):
        fcn = build("fcn32s", columns=columns, weights=tmp_path / "base.keras", input_shape=(64, 64, 3))
    image = pictures(1, (64, 64, 3))
    level = keras.Model(fcn.input, fcn.get_layer("last_relu6").output)(image)
    expected = keras.Model(theirs.input, theirs.get_layer("last_relu6").output)(image)
    np.testing.assert_allclose(level, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_file_of_the_whole_network_is_still_its_own(tmp_path):
    fcn = randomize(build("fcn8s", columns={"width": 0.35}, classes=5, input_shape=(64, 64, 3)))
    fcn.save_weights(tmp_path / "fcn.weights.h5")
    again = build(
        "fcn8s", columns={"width": 0.35}, classes=5, input_shape=(64, 64, 3), weights=tmp_path / "fcn.weights.h5"
    )
    for here, there in zip(again.get_weights(), fcn.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)
    with pytest.raises(UserError):
        load_weights(build("fcn8s", columns={"width": 0.5}, input_shape=(64, 64, 3)), tmp_path / "fcn.weights.h5")


@pytest.mark.slow
def test_a_network_for_other_classes_gets_all_but_its_scores(tmp_path):
    options = {"columns": {"width": 0.35}, "input_shape": (64, 64, 3)}
    fcn = randomize(build("fcn8s", classes=5, **options))
    fcn.save_weights(tmp_path / "fcn.weights.h5")
    with pytest.warns(UserWarning, match="3 classes here and 5 in the file: score"):
        other = build("fcn8s", classes=3, weights=tmp_path / "fcn.weights.h5", **options)
    np.testing.assert_array_equal(other.get_layer("stem_conv").kernel, fcn.get_layer("stem_conv").kernel)
    assert other.output_shape[-1] == 3 and np.isfinite(other(pictures(1, (64, 64, 3)))).all()
    assert build("fcn8s", weights=tmp_path / "fcn.weights.h5", **options).output_shape[-1] == 5


@pytest.mark.slow
def test_a_long_list_of_new_layers_is_shortened(tmp_path):
    """A decoder on a classifier: a few names, and how many others there are."""
    columns = {"widths": (4, 4, 4, 4, 4), "fc": ()}
    path = tmp_path / "vgg.weights.h5"
    build("vgg11_bn", classes=3, input_shape=(32, 32, 3), **columns).save_weights(path)
    options = {"backbone": "vgg11_bn", "columns": columns, "widths": (4, 4, 4, 4, 4), "classes": 3}
    with pytest.warns(UserWarning, match="vgg11_bn is loaded") as caught:
        model = build("backbone_unet", input_shape=(32, 32, 3), weights=path, **options)
    (message,) = [str(w.message) for w in caught if "is loaded" in str(w.message)]
    names = message.partition(", and ")[2].partition(" keep their initial weights")[0]
    first, _, count = names.partition(" and ")
    new = [n for n in (layer.name for layer in model.layers if layer.weights) if n.startswith(("up", "score"))]
    new = [name for name in new if not name.endswith("enlarge")]  # bilinear at the start, not random
    assert first.split(", ") == new[:5] and count == f"{len(new) - 5} more" and len(new) > 10
