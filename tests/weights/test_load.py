"""Weights from files: whose they are is found out, what does not fit is refused, and a refusal changes nothing."""

import json
import shutil
import struct
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.renaming import rename

SHAPE = (64, 64, 3)


def small(name="mobilenet_v3_small", **options):
    return randomize(keras_cnns.build(name, input_shape=SHAPE, classifier_activation=None, **options))


def answers(model, images=None):
    images = pictures(2, model.input_shape[1:]) if images is None else images
    return keras.ops.convert_to_numpy(model(images, training=False))


def weights(model):
    return [v.numpy() for v in model.weights]


def assert_refused(model, source, match):
    before = weights(model)
    with pytest.raises(UserError, match=match):
        keras_cnns.load_weights(model, source)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True)), "nothing may be half-loaded"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Files of one network, and what it answers."""
    folder = tmp_path_factory.mktemp("weights")
    model = small()
    model.save(folder / "own.keras")
    model.save_weights(folder / "own.weights.h5")
    return folder, answers(model)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["own.keras", "own.weights.h5"])
def test_our_own_files(saved, file):
    folder, expected = saved
    loaded = keras_cnns.build(
        "mobilenet_v3_small", weights=folder / file, input_shape=SHAPE, classifier_activation=None
    )
    np.testing.assert_array_equal(answers(loaded), expected)


def test_the_old_layout_of_keras_applications(tmp_path):
    """Their published files hold groups named after the layers, with the variables' names as attributes."""
    peer = randomize(keras.applications.MobileNet(weights=None, input_shape=SHAPE, classifier_activation=None))
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in peer.layers]
        for layer in peer.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{v.name}:0" for v in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, layer.weights, strict=True):
                group[name] = variable.numpy()
    ours = keras_cnns.build("mobilenet_v1", weights=tmp_path / "old.h5", input_shape=SHAPE, classifier_activation=None)
    np.testing.assert_allclose(answers(ours), answers(peer), rtol=0, atol=1e-4 * np.abs(answers(peer)).max())


def test_a_kernel_without_axes_is_refused(tmp_path):
    model = keras_cnns.build("lenet5")
    model.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5", "a") as file:
        names = []
        file.visit(lambda name: names.append(name) if isinstance(file[name], h5py.Dataset) else None)
        for name in names:
            del file[name]
            file[name] = np.float32(1)
    with pytest.raises(UserError, match="lenet5"):
        keras_cnns.load_weights(model, tmp_path / "a.weights.h5")


@pytest.mark.slow
def test_another_number_of_classes_keeps_the_backbone(saved):
    model = small(classes=7)
    scores = [v.numpy() for v in model.get_layer("predictions").weights]
    with pytest.warns(UserWarning, match="7 classes here and 1000 in the file"):
        keras_cnns.load_weights(model, saved[0] / "own.keras")
    reference = keras.saving.load_model(saved[0] / "own.keras")
    for layer in model.layers:
        for ours, theirs in zip(layer.weights, reference.get_layer(layer.name).weights, strict=True):
            if layer.name != "predictions":
                np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    for now, before in zip(model.get_layer("predictions").weights, scores, strict=True):
        np.testing.assert_array_equal(now.numpy(), before)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_another_number_of_channels_adapts_the_first_kernel(saved, channels):
    folder, _ = saved
    with pytest.warns(UserWarning, match=f"from 3 to {channels} input channels"):
        model = keras_cnns.build(
            "mobilenet_v3_small",
            weights=folder / "own.keras",
            input_shape=(*SHAPE[:2], channels),
            classifier_activation=None,
        )
    grey = pictures(2, (*SHAPE[:2], 1))
    reference = keras.saving.load_model(folder / "own.keras")
    expected = answers(reference, np.repeat(grey, 3, axis=-1))
    actual = answers(model, np.repeat(grey, channels, axis=-1))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_without_the_classifier_its_weights_are_left_in_the_file(saved):
    model = small(include_top=False)
    keras_cnns.load_weights(model, saved[0] / "own.keras")
    kernel = keras.saving.load_model(saved[0] / "own.keras").get_layer("last_conv").kernel
    np.testing.assert_array_equal(model.get_layer("last_conv").kernel.numpy(), kernel.numpy())


def test_a_deeper_network_without_its_classifier_is_still_another_network(tmp_path):
    randomize(keras_cnns.build("resnet34", input_shape=SHAPE)).save_weights(tmp_path / "resnet34.weights.h5")
    model = randomize(keras_cnns.build("resnet18", input_shape=SHAPE, include_top=False))
    assert_refused(model, tmp_path / "resnet34.weights.h5", "left over")


@pytest.mark.slow
def test_preprocessing_is_the_models_own(saved):
    plain = keras_cnns.build(
        "mobilenet_v3_small", weights=saved[0] / "own.keras", input_shape=SHAPE, classifier_activation=None
    )
    pixels = keras_cnns.build(
        "mobilenet_v3_small",
        weights=saved[0] / "own.keras",
        input_shape=SHAPE,
        classifier_activation=None,
        include_preprocessing=True,
        preprocessing="torch",
    )
    images = pictures(2, SHAPE, high=255.0)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = answers(plain, ((images / 255 - mean) / std).astype("float32"))
    np.testing.assert_allclose(answers(pixels, images), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_another_architecture_names_what_is_left_over(saved):
    assert_refused(
        small("mobilenet_v2"), saved[0] / "own.keras", r"not those of mobilenet_v2: \d+ missing \(.*left over"
    )


def test_a_wider_network(tmp_path):
    small(width=0.5).save_weights(tmp_path / "half.weights.h5")
    assert_refused(small(), tmp_path / "half.weights.h5", "do not fit mobilenet_v3_small")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(tmp_path, value):
    model = small()
    kernel = model.get_layer("last_conv").kernel
    kernel.assign(np.where(np.arange(kernel.shape[-1]) == 3, value, kernel.numpy()))
    model.save_weights(tmp_path / "nan.weights.h5")
    assert_refused(small(), tmp_path / "nan.weights.h5", r"not finite .* in last_conv/kernel")


@pytest.mark.parametrize("file", ["own.keras", "own.weights.h5"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_file_cut_short(saved, tmp_path, file, kept):
    data = (saved[0] / file).read_bytes()
    (tmp_path / file).write_bytes(data[: int(len(data) * kept)])
    assert_refused(small(), tmp_path / file, "damaged|not a file of weights")


def test_an_altered_archive(saved, tmp_path):
    data = bytearray((saved[0] / "own.keras").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "altered.keras").write_bytes(data)
    assert_refused(small(), tmp_path / "altered.keras", "altered|damaged")


@pytest.mark.parametrize("what", ["a group", "text"])
def test_an_archive_that_holds_something_else_under_a_weights_name(saved, tmp_path, what):
    path = shutil.copy(saved[0] / "own.weights.h5", tmp_path / "odd.weights.h5")
    with h5py.File(path, "a") as file:
        layer = next(group["vars"] for group in file["layers"].values() if len(group["vars"]))
        del layer["0"]
        if what == "text":
            layer["0"] = np.full(next(iter(layer.values())).shape, b"abc")
        else:
            layer.create_group("0")
    assert_refused(small(), path, "damaged|do not fit|no numbers")


def test_no_file_at_all(tmp_path):
    assert_refused(small(), tmp_path / "missing.h5", "there is no file")
    assert_refused(small(), "imagenett", "there is no file 'imagenett'.*Did you mean imagenet")


def test_an_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    assert_refused(small(), tmp_path / "x.keras", "without weights")


def test_safetensors_of_no_known_peer(tmp_path):
    header = json.dumps({"a.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    assert_refused(small(), tmp_path / "x.safetensors", "missing")
    assert_refused(keras_cnns.build("lenet5"), tmp_path / "x.safetensors", "has 'lenet5'")
    (tmp_path / "cut.safetensors").write_bytes(struct.pack("<Q", len(header) * 9) + header)
    assert_refused(small(), tmp_path / "cut.safetensors", "damaged")


def test_names_of_keras_applications_older_releases():
    old = {
        "Conv/0": "stem_conv/0",
        "Conv_BatchNorm/3": "stem_bn/3",
        "expanded_conv_depthwise/0": "block1_depthwise_conv/0",
        "expanded_conv_squeeze_excite_Conv_1/1": "block1_se_expand_conv/1",
        "expanded_conv_1_project_BatchNorm/2": "block2_project_bn/2",
        "Conv_1/0": "last_conv/0",
        "Conv_2/0": "head/0",
        "Logits/1": "predictions/1",
    }
    assert list(rename("mobilenet_v3_small", dict.fromkeys(old, 0), "keras")) == list(old.values())
    assert list(rename("resnet50", {"probs/0": 0}, "keras")) == ["predictions/0"]


@pytest.mark.parametrize("names", [("conv2d", "conv2d_1", "conv2d_2"), ("conv2d_9", "conv2d_10", "conv2d_11")])
def test_layers_that_keras_numbered_itself(names):
    """Keras goes on counting through a process, so the same network's numbers begin anywhere."""
    renamed = rename("inception_v3", {f"{name}/0": i for i, name in enumerate(names)}, "keras")
    assert renamed == {"conv1_1_conv/0": 0, "conv1_2_conv/0": 1, "conv1_3_conv/0": 2}


@pytest.mark.parametrize(
    "name",
    ["vgg16", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "densenet121", "xception"],
)
def test_our_own_names_pass_through_the_rename_tables(name):
    paths = {v.path: 0 for v in keras_cnns.build(name, input_shape=(80, 80, 3)).weights}
    assert rename(name, paths, "keras") == paths
