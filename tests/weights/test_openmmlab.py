"""Checkpoints of OpenMMLab: the network under "backbone.", its classifier under "head.", facts under "meta"."""

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures
from keras_cnns.weights.load import read_weights
from tests.weights import torch_written
from tests.weights.test_heads import BIAS, KERNEL, SHAPE, torch_state

META = {"epoch": 3, "mmengine_version": "0.10.7", "dataset_meta": {"classes": ["ant", "bee", "cat", "dog", "eel"]}}


def checkpoint(path, state, **meta):
    torch_written.save({"meta": META | meta, "state_dict": state, "optimizer": {"state": {}}}, path)
    return path


def test_the_classifier_and_its_classes(tmp_path):
    below, state = torch_state({})
    state = {f"backbone.{name}": value for name, value in state.items()}
    path = checkpoint(tmp_path / "epoch_3.pth", state | {"head.fc.weight": KERNEL, "head.fc.bias": BIAS})
    ours = keras_cnns.build("resnet18", weights=path, input_shape=SHAPE, classifier_activation=None)
    x = pictures(2, SHAPE)
    expected = below.predict(x, verbose=0).mean((1, 2)) @ KERNEL.T + BIAS
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert read_weights("resnet18", path).labels == ("ant", "bee", "cat", "dog", "eel")


FIRST = {
    "backbone.conv1.weight": np.ones((1, 1, 1, 1), "f4"),
    "backbone.layer1.0.conv1.weight": np.ones((1, 1, 1, 1), "f4"),
}


@pytest.mark.parametrize("key", ["cfg", "config"])
def test_the_style_caffe_has_the_stride_elsewhere(key, tmp_path):
    path = checkpoint(tmp_path / "epoch_3.pth", FIRST, **{key: "model = dict(backbone=dict(style='caffe'))"})
    with pytest.raises(UserError, match="style 'caffe', which has the stride of resnet50, not of resnet50_v1_5"):
        read_weights("resnet50_v1_5", path)
    path = checkpoint(tmp_path / "epoch_4.pth", FIRST, **{key: "model = dict(backbone=dict(style='pytorch'))"})
    assert read_weights("resnet50_v1_5", path).origin == "torchvision"


@pytest.mark.parametrize("names", [["backbone.layer1.0.conv.0.conv.weight"], ["backbone.features.0.conv.weight"]])
def test_networks_with_names_of_their_own_are_refused_in_a_line(names, tmp_path):
    state = {name: np.ones((1, 1, 1, 1), "f4") for name in [*FIRST, *names]}
    path = checkpoint(tmp_path / "epoch_3.pth", state)
    with pytest.raises(UserError, match="OpenMMLab") as error:
        keras_cnns.build("mobilenet_v2", weights=path, input_shape=SHAPE)
    assert "\n" not in str(error.value)


NETWORKS = {
    "resnet18": "resnet18_8xb32_in1k",
    "resnet34": "resnet34_8xb32_in1k",
    "resnet50_v1_5": "resnet50_8xb32_in1k",
    "resnext50_32x4d": "resnext50-32x4d_8xb32_in1k",
    "wide_resnet50_2": "wide-resnet50_3rdparty_8xb32_in1k",
}
OTHERS = {
    "mobilenet_v2": "mobilenet-v2_8xb32_in1k",
    "mobilenet_v3_small": "mobilenet-v3-small_8xb128_in1k",
    "vgg11": "vgg11_8xb32_in1k",
    "vgg16_bn": "vgg16bn_8xb32_in1k",
    "efficientnet_b0": "efficientnet-b0_3rdparty_8xb32_in1k",
    "se_resnet50": "seresnet50_8xb32_in1k",
    "regnet_x_400mf": "regnetx-400mf_8xb128_in1k",
    "convnext_tiny": "convnext-tiny_32xb128_in1k",
    "resnet50_v1_5": "resnetv1d50_8xb32_in1k",
}


def written_by_mmpretrain(theirs, path, size=(97, 75), x=None, answered=True):
    """(pictures, logits) of a network with random weights, saved as mmengine's runner saves it."""
    torch = pytest.importorskip("tests.weights.torch_peers").torch  # torchvision imports beside it
    mmpretrain = pytest.importorskip("mmpretrain", exc_type=ImportError)
    from mmengine.runner import save_checkpoint

    torch.manual_seed(0)
    network = mmpretrain.get_model(theirs, pretrained=False).eval()
    for name, value in network.state_dict().items():
        shape, variable = tuple(value.shape), name.rpartition(".")[2]
        if variable == "running_var" or (variable == "weight" and len(shape) == 1):
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.normal_(0, 0.2)
        elif value.ndim:
            value.normal_(0, (2 / np.prod(shape[1:])) ** 0.5)
    save_checkpoint({"meta": META, "state_dict": network.state_dict()}, str(path))
    x = pictures(2, (*size, 3)) if x is None else x
    if not answered:  # a network whose classifier fits one size of picture
        return x, None
    with torch.no_grad():
        return x, network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), mode="tensor").numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_logits_of_mmpretrain(name, tmp_path):
    x, expected = written_by_mmpretrain(NETWORKS[name], tmp_path / "epoch_3.pth")
    ours = keras_cnns.build(name, weights=tmp_path / "epoch_3.pth", input_shape=x.shape[1:], classifier_activation=None)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_of_mmpretrain_are_refused_in_a_line(name, tmp_path):
    x, _ = written_by_mmpretrain(OTHERS[name], tmp_path / "epoch_3.pth", size=(128, 128), answered=False)
    with pytest.raises(UserError, match="OpenMMLab") as error:
        keras_cnns.build(name, weights=tmp_path / "epoch_3.pth", input_shape=x.shape[1:], classifier_activation=None)
    assert "\n" not in str(error.value)
