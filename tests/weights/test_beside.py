"""What lies beside a file of weights, or stands in its name: the architecture, and the pixels it was trained on."""

import json
from dataclasses import replace

import numpy as np
import pytest

from keras_cnns.blocks.conv import KERAS, TORCH
from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UserError
from keras_cnns.weights.beside import ambiguous, called, known


def hub(folder, architecture, **message):
    (folder / "config.json").write_text(json.dumps({"architecture": architecture, "pretrained_cfg": message}))
    return folder / "model.safetensors"


@pytest.mark.parametrize(
    ("name", "architecture", "padding"),
    [
        ("efficientnet_b0", "tf_efficientnet_b0", KERAS),
        ("efficientnet_b0", "tf_efficientnet_b0.ns_jft_in1k", KERAS),
        ("efficientnet_b0", "tf_efficientnet_b0_ns", KERAS),
        ("efficientnet_b0", "efficientnet_b0", TORCH),
        ("mobilenet_v3_large", "tf_mobilenetv3_large_100", KERAS),
        ("efficientnet_lite0", "efficientnet_lite0", TORCH),
        ("resnet50_v1_5", "gluon_resnet50_v1b", None),
        ("inception_v3", "tf_inception_v3", None),
    ],
)
def test_the_architecture_says_whose_padding(name, architecture, padding, tmp_path):
    assert known(name, hub(tmp_path, architecture)).columns.get("numerics", padding) == (
        padding or known(name, hub(tmp_path, architecture)).columns.get("numerics")
    )


@pytest.mark.parametrize("architecture", ["resnetaa50", "resnetblur50", "resnet50d", "vit_base_patch16_224", "mine"])
def test_an_architecture_that_computes_something_else(architecture, tmp_path):
    with pytest.raises(UserError, match="not known to compute|pools differently"):
        known("resnet50_v1_5", hub(tmp_path, architecture))


def test_mean_and_deviation_of_the_config(tmp_path):
    half = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert known("resnet18", hub(tmp_path, "resnet18", **half)).columns["preprocessing"] == "tf"
    odd = known("resnet18", hub(tmp_path, "resnet18", mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6]))
    scale, offset = odd.columns["preprocessing"].coefficients()
    np.testing.assert_allclose(np.multiply(scale, 255), [2.5, 2.0, 1 / 0.6])
    np.testing.assert_allclose(offset, [-0.25, -0.4, -0.5])
    older = {"architecture": "resnet18", "mean": [0.0] * 3, "std": [1.0] * 3}
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert known("resnet18", tmp_path / "model.safetensors").columns["preprocessing"] == "unit"
    assert known("resnet18", tmp_path).columns["preprocessing"] == "unit", "the folder itself"


@pytest.mark.parametrize(("mean", "std"), [([0.5], "x"), ([0.5] * 3, [0.0] * 3), (["a"] * 3, [1] * 3), (0.5, 0.5)])
def test_a_config_without_sense(mean, std, tmp_path):
    with pytest.raises(UserError, match="no valid mean"):
        known("resnet18", hub(tmp_path, "resnet18", mean=mean, std=std))


def test_a_damaged_config_and_one_of_something_else(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="cannot read .*config.json"):
        known("resnet18", tmp_path / "model.safetensors")
    for other in ("[]", "{}", '{"architectures": ["ResNetForImageClassification"]}', '{"architecture": 3}'):
        (tmp_path / "config.json").write_text(other)
        assert known("resnet18", tmp_path / "model.safetensors").columns == {}


@pytest.mark.parametrize(
    ("file", "result"),
    [
        ("tf_efficientnet_b0_ns-c0e6a31c.pth", ("tf_efficientnet_b0", "ns_jft_in1k")),
        ("tf_efficientnet_b0_ap-f262efe1.pth", ("tf_efficientnet_b0", "ap_in1k")),
        ("tf_efficientnet_b3.safetensors", ("tf_efficientnet_b3", "")),
        ("efficientnet_b0.ra4_e3600_r224_in1k.safetensors", ("efficientnet_b0", "ra4_e3600_r224_in1k")),
        ("model.safetensors", None),
        ("resnet18-f37072fd.pth", None),
        ("mine.pth", None),
    ],
)
def test_a_files_own_name(file, result):
    assert called(file) == result


def test_adversarial_weights_have_other_pixels(tmp_path):
    assert known("efficientnet_b0", tmp_path / "tf_efficientnet_b0_ap-f262efe1.pth").columns["preprocessing"] == "tf"
    assert known("efficientnet_b0", tmp_path / "tf_efficientnet_b0_ns-c0e6a31c.pth").columns["preprocessing"] == "torch"


def test_where_the_tensors_come_from_several_recipes():
    assert {name for name, _ in ambiguous("efficientnet_b0")} == {"efficientnet_b0", "tf_efficientnet_b0"}
    assert all(pixels in PREPROCESSING for _, pixels in ambiguous("efficientnet_b0"))
    assert len(ambiguous("vgg16")) == 1


def test_a_config_of_another_width_asks_for_it(tmp_path):
    """timm has the width in the name: mobilenetv2_050 is mobilenet_v2 of width 0.5."""
    folder = hub(tmp_path, "mobilenetv2_050")
    half = replace(entry("mobilenet_v2").variant, width=0.5)
    assert known("mobilenet_v2", folder, half).columns["numerics"] == TORCH
    for net in (None, replace(half, width=0.75)):
        with pytest.raises(UserError, match="weights of 'mobilenetv2_050': set width=0.5"):
            known("mobilenet_v2", folder, net)
    with pytest.raises(UserError, match="not known to compute"):
        known("mobilenet_v3_small", folder)
