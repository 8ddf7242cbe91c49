"""Files without a classifier, or with another head on top: the backbone is loaded and a new classifier begins."""

import re

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.beside import check_name, known
from keras_cnns.weights.load import read_weights
from tests.weights import torch_written

SHAPE = (64, 64, 3)


def base():
    return randomize(keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=SHAPE))


def functional(below):
    x = keras.layers.Dense(8, name="hidden")(below.output)
    return keras.Model(below.input, keras.layers.Dense(5, name="predictions")(x))


HEADS = {
    "none": lambda below: below,
    "functional": functional,
    "sequential": lambda below: keras.Sequential([keras.Input(SHAPE), below, keras.layers.Dense(5)]),
    "nested": lambda below: keras.Model(
        image := keras.Input(SHAPE), keras.layers.Dense(5)(keras.layers.Dropout(0.2)(below(image)))
    ),
    "two layers and a norm": lambda below: keras.Sequential(
        [below, keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dense(5)]
    ),
}


QUICK = {("none", "x.weights.h5"), ("functional", "x.keras"), ("nested", "x.h5")}


@pytest.mark.parametrize(
    ("head", "file"),
    [
        pytest.param(head, file, marks=[] if (head, file) in QUICK else [pytest.mark.slow])
        for head in HEADS
        for file in ("x.keras", "x.weights.h5", "x.h5")
    ],
)
def test_the_backbone_of_the_file_and_a_new_classifier(head, file, tmp_path):
    below = base()
    model = HEADS[head](below)
    model.save_weights(tmp_path / file) if "weights" in file else model.save(tmp_path / file)
    with pytest.warns(UserWarning, match="predictions keeps its initial weights"):
        ours = keras_cnns.build("mobilenet_v2", weights=tmp_path / file, input_shape=SHAPE, classes=7)
    x = pictures(2, SHAPE)
    features = keras.Model(ours.input, ours.get_layer("predictions").input)
    np.testing.assert_allclose(features(x, training=False), below(x, training=False), rtol=0, atol=1e-5)


def test_convolutions_on_top_are_another_network(tmp_path):
    below = base()
    x = keras.layers.Reshape((1, 1, 1280))(below.output)
    keras.Model(below.input, keras.layers.Conv2D(5, 1, name="maps")(x)).save(tmp_path / "x.keras")
    with pytest.raises(UserError, match="left over"):
        keras_cnns.build("mobilenet_v2", weights=tmp_path / "x.keras", input_shape=SHAPE)


def test_a_backbone_that_is_not_whole_is_refused(tmp_path):
    model = keras_cnns.build("mobilenet_v2", include_top=False, input_shape=SHAPE)
    keras.Model(model.input, model.get_layer("stage4_block1_project_bn").output).save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(UserError, match="missing"):
        keras_cnns.build("mobilenet_v2", weights=tmp_path / "x.weights.h5", input_shape=SHAPE)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "git-lfs"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x1f\x8b\x08\x00", "gunzip"),
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n <html>", "web page"),
        (b'{"error": "Repository not found"}', "JSON"),
        (b"\x20\x00\x00\x00TFL3" + bytes(40), "tflite"),
    ],
)
def test_files_that_lie_around_and_are_no_weights(content, what, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=what) as error:
        keras_cnns.build("lenet5", weights=tmp_path / "model.safetensors")
    assert "damaged" not in str(error.value)
    with pytest.raises(UserError, match=what):
        keras_cnns.build("lenet5", weights=tmp_path)


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(UserError, match="is a folder with none of"):
        keras_cnns.build("lenet5", weights=tmp_path)


def test_a_saved_model_of_tensorflow(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(UserError, match="is a SavedModel"):
        keras_cnns.build("lenet5", weights=tmp_path)
    with pytest.raises(UserError, match="part of a TensorFlow checkpoint"):
        keras_cnns.build("lenet5", weights=tmp_path / "saved_model.pb")


@pytest.mark.slow
def test_a_network_with_depthwise_kernels_and_a_file_without_a_classifier(tmp_path):
    base = randomize(keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, include_top=False))
    base.save_weights(tmp_path / "base.weights.h5")
    with pytest.warns(UserWarning, match="no classifier"):
        model = keras_cnns.build(
            "mobilenet_v3_small", input_shape=SHAPE, classes=5, weights=tmp_path / "base.weights.h5"
        )
    for weight in model.weights:
        assert np.isfinite(np.asarray(weight)).all(), weight.path


@pytest.mark.filterwarnings("ignore:.*no classifier")
def test_a_file_without_a_classifier_does_not_become_a_thousand_random_classes(tmp_path):
    base().save_weights(tmp_path / "base.weights.h5")
    with pytest.raises(UserError, match="has no classifier for mobilenet_v2: set classes="):
        keras_cnns.build("mobilenet_v2", input_shape=SHAPE, weights=tmp_path / "base.weights.h5")


def torch_state(head):
    """A ResNet-18 without classifier, and the same in torchvision's names with another head."""
    model = randomize(keras_cnns.build("resnet18", include_top=False, input_shape=SHAPE))
    state = {}
    for v in model.weights:
        layer, _, variable = v.path.partition("/")
        layer = re.sub(r"^conv1_(conv|bn)$", r"\g<1>1", layer)
        layer = re.sub(
            r"^conv(\d)_block(\d)_0_(conv|bn)$",
            lambda m: f"layer{int(m[1]) - 1}.{int(m[2]) - 1}.downsample.{int(m[3] == 'bn')}",
            layer,
        )
        layer = re.sub(
            r"^conv(\d)_block(\d)_(\d)_(conv|bn)$",
            lambda m: f"layer{int(m[1]) - 1}.{int(m[2]) - 1}.{m[4]}{m[3]}",
            layer,
        )
        variable = {"moving_mean": "running_mean", "moving_variance": "running_var"}.get(variable, variable)
        variable = {"kernel": "weight", "gamma": "weight", "beta": "bias"}.get(variable, variable)
        value = np.asarray(v)
        state[f"{layer}.{variable}"] = value.transpose(3, 2, 0, 1).copy() if value.ndim == 4 else value
    return model, state | head


KERNEL = np.random.default_rng(0).normal(0, 0.05, (6, 512)).astype("float32")
BIAS = np.arange(6, dtype="float32")
ONE_LINEAR = {
    "Sequential(Dropout, Linear)": {"fc.1.weight": KERNEL, "fc.1.bias": BIAS},
    "no bias": {"fc.weight": KERNEL},
    "no bias, in a Sequential": {"fc.1.weight": KERNEL},
    "last_linear": {"last_linear.weight": KERNEL, "last_linear.bias": BIAS},
    "classifier": {"classifier.weight": KERNEL, "classifier.bias": BIAS},
    "head.fc": {"head.fc.weight": KERNEL, "head.fc.bias": BIAS},
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrapped", ["", "backbone."])
@pytest.mark.parametrize("head", ONE_LINEAR)
def test_one_linear_of_the_right_size_is_the_classifier(head, wrapped, tmp_path, recwarn):
    """Also beside a backbone, as OpenMMLab keeps it ("backbone.conv1.weight", "head.fc.weight")."""
    model, state = torch_state({})
    state = {f"{wrapped}{name}": value for name, value in state.items()} | ONE_LINEAR[head]
    save_file(state, tmp_path / "x.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    ours = keras_cnns.build(
        "resnet18", weights=tmp_path / "x.safetensors", input_shape=SHAPE, classifier_activation=None
    )
    x = pictures(2, SHAPE)
    bias = BIAS if any("bias" in name for name in ONE_LINEAR[head]) else 0
    expected = np.asarray(model(x, training=False)).mean((1, 2)) @ KERNEL.T + bias
    np.testing.assert_allclose(ours(x, training=False), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert not [w for w in recwarn if "initial weights" in str(w.message) or "ignored" in str(w.message)]


@pytest.mark.parametrize(
    "head",
    [
        {"fc.0.weight": KERNEL[:, :64], "fc.0.bias": BIAS},
        {"fc.0.weight": np.ones((512, 512), "float32"), "fc.3.weight": KERNEL},
        {"fc.0.weight": np.ones(512, "float32"), "fc.0.bias": np.ones(512, "float32"), "fc.1.weight": KERNEL},
    ],
    ids=["another size", "two layers", "a normalization before it"],
)
@pytest.mark.filterwarnings("ignore:.*keeps its initial weights")
def test_other_heads_are_not_taken_for_the_classifier(head, tmp_path):
    save_file(torch_state(head)[1], tmp_path / "x.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(UserError, match="has no classifier"):
        keras_cnns.build("resnet18", weights=tmp_path / "x.safetensors", input_shape=SHAPE)


def test_a_projection_of_self_supervised_training_is_not_the_classifier(tmp_path):
    _, state = torch_state({})
    state = {f"encoder.{name}": value for name, value in state.items()} | {"projector.weight": KERNEL}
    save_file(state, tmp_path / "x.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.warns(UserWarning, match="projector beside it"), pytest.raises(UserError, match="no classifier"):
        keras_cnns.build("resnet18", weights=tmp_path / "x.safetensors", input_shape=SHAPE)


def test_the_layers_before_a_replaced_one_are_kept(tmp_path):
    """VGG whose last Linear became two: fc6 and fc7 are the file's."""
    options = {"input_shape": (32, 32, 3), "fc": (32, 16)}
    theirs = randomize(keras_cnns.build("vgg11", **options, classes=4))
    x = keras.layers.Dense(8, name="hidden")(theirs.get_layer("predictions").input)
    keras.Model(theirs.input, keras.layers.Dense(5, name="scores")(x)).save(tmp_path / "x.keras")
    with pytest.warns(UserWarning, match="predictions keeps its initial weights"):
        ours = keras_cnns.build("vgg11", weights=tmp_path / "x.keras", classes=3, **options)
    for layer in ("conv1_1_conv", "fc6", "fc7"):
        np.testing.assert_array_equal(ours.get_layer(layer).kernel, theirs.get_layer(layer).kernel)


def test_global_max_pooling_is_another_head(tmp_path):
    """Its Linear has the right size, and its answers would be wrong."""
    below = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="max", input_shape=SHAPE)
    keras.Sequential([below, keras.layers.Dense(5)]).save(tmp_path / "x.keras")
    with pytest.warns(UserWarning, match="keeps its initial weights"), pytest.raises(UserError, match="no classifier"):
        keras_cnns.build("mobilenet_v2", weights=tmp_path / "x.keras", input_shape=SHAPE)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("resnetblur50-84f4748f.pth", "resnetblur50"),
        ("resnetaa50_a1h-4cf422b3.pth", "resnetaa50"),
        ("resnetblur18.pth", "resnetblur18"),
        ("resnet50d_ra2-464e36ba.pth", "resnet50d"),
        ("efficientnet_blur_b0.pth", "efficientnet_blur_b0"),
        ("ResNetBlur50.pth", "resnetblur50"),
        ("my_resnetaa50.pth", "resnetaa50"),
        ("models--timm--resnetblur50.safetensors", "resnetblur50"),
    ],
)
def test_a_file_named_after_another_network_is_refused(file, name):
    with pytest.raises(UserError, match=f"{file} is named after {name}, another network"):
        check_name("resnet50_v1_5", file)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("resnet50_v1_5", "resnet50-0676ba61.pth"),
        ("resnet50_v1_5", "resnet50_a1_0-14fe96d1.pth"),
        ("resnet50_v1_5", "gluon_resnet50_v1b-0ebe02e2.pth"),
        ("resnet50_v1_5", "resnet50_v1_5_flowers.pth"),
        ("efficientnet_b0", "efficientnet-b0-355c32eb.pth"),
        ("efficientnet_b0", "tf_efficientnet_b0_ns-c0e6a31c.pth"),
        ("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
        ("googlenet_bn", "googlenet-1378be20.pth"),
        ("faster_rcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth"),
        ("fcn_resnet50", "fcn_resnet50_coco-1167a1af.pth"),
        ("resnet18", "flowers.pth"),
        ("bit_r50x1", "resnetv2_50x1_bitm-a9b8c7d6.pth"),
    ],
)
def test_a_file_named_after_the_network_is_not_refused(name, file):
    check_name(name, file)


def test_torchvisions_resnet50_is_another_network_here():
    with pytest.raises(UserError, match="named after resnet50 .resnet50_v1_5 here., another network than resnet50"):
        check_name("resnet50", "resnet50-0676ba61.pth")


@pytest.mark.parametrize("file", ["resnet50_caffe-788b5fa3.pth", "resnet50_msra-5891d200.pth"])
def test_files_converted_from_caffe_have_the_stride_of_the_paper(file):
    with pytest.raises(UserError, match="networks have the stride of resnet50: rename"):
        check_name("resnet50_v1_5", file)


@pytest.mark.parametrize("folder", ["resnetblur50.bt_in1k", "models--timm--resnetaa50.a1h_in1k/snapshots/0a1b"])
def test_a_folder_named_after_another_network_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="in a folder that is named after resnet(blur|aa)50"):
        known("resnet50_v1_5", tmp_path / folder / "model.safetensors")


@pytest.mark.parametrize("key", ["arch", "architecture", "model_name"])
def test_a_checkpoint_that_names_another_network_is_refused(key, tmp_path):
    torch_written.save({key: "resnetblur50", "state_dict": FIRST}, tmp_path / "last.pth.tar")
    with pytest.raises(UserError, match="last.pth.tar says that it holds weights of resnetblur50, another network"):
        read_weights("resnet50_v1_5", tmp_path / "last.pth.tar")
    torch_written.save({key: "resnet50", "state_dict": FIRST}, tmp_path / "last.pth.tar")
    assert read_weights("resnet50_v1_5", tmp_path / "last.pth.tar").origin == "torchvision"


def test_the_architecture_in_a_checkpoint_says_whose_padding(tmp_path):
    state = {"conv_stem.weight": FIRST["conv1.weight"], "blocks.0.0.conv_dw.weight": FIRST["conv1.weight"]}
    for architecture, padding in (("tf_efficientnet_b0", "same"), ("efficientnet_b0.ra_in1k", "symmetric")):
        torch_written.save({"arch": architecture, "state_dict": state}, tmp_path / "last.pth.tar")
        columns = read_weights("efficientnet_b0", tmp_path / "last.pth.tar").columns(None)
        assert columns["numerics"].padding == padding


FIRST = {
    "conv1.weight": np.ones((1, 1, 1, 1), "f4"),
    "bn1.weight": np.ones(1, "f4"),
    "layer1.0.conv1.weight": np.ones((1, 1, 1, 1), "f4"),
}
