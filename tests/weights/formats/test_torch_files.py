"""Files that torch writes: read without running anything from them, in Keras's axes, with their own numerics."""

import os

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures
from keras_cnns.weights.fit import keras_axes
from tests.weights import torch_written

torch = pytest.importorskip("torch")
SHAPE = (64, 64, 3)


class Evil:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_code(tmp_path, zipped):
    model = keras_cnns.build("resnet18", input_shape=SHAPE)
    before = [v.numpy() for v in model.weights]
    torch.save({"conv1.weight": Evil(tmp_path / "ran")}, tmp_path / "evil.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match="would run code"):
        keras_cnns.load_weights(model, tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.weights, strict=True))


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory):
    from tests.weights import torch_peers

    images = pictures(2, SHAPE, seed=1)
    network = torch_peers.randomize(torch_peers.create("torchvision", "resnet18"), images)
    return torch_peers.save(network, "torchvision", tmp_path_factory.mktemp("torch"))


def test_the_architecture_with_the_stride_elsewhere_is_refused(resnet18):
    with pytest.raises(UserError, match="are not those of resnet50"):
        keras_cnns.build("resnet50", weights=resnet18)


def test_a_checkpoint_and_its_parallel_names(resnet18, tmp_path):
    state = torch.load(resnet18, weights_only=True)
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, tmp_path / "checkpoint.pth")
    plain, wrapped = (
        keras_cnns.build("resnet18", weights=p, input_shape=SHAPE) for p in (resnet18, tmp_path / "checkpoint.pth")
    )
    for a, b in zip(plain.weights, wrapped.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_cut_short(resnet18, tmp_path, kept):
    data = resnet18.read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match="damaged|not a file of weights"):
        keras_cnns.build("resnet18", weights=tmp_path / "cut.pth")


@pytest.mark.parametrize(
    "content", [[torch.zeros(3)], {1: torch.zeros(3)}, {"conv1.weight": torch.zeros(3), "epoch": 3}]
)
def test_what_is_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no state_dict"):
        keras_cnns.build("resnet18", weights=tmp_path / "other.pth")


def test_a_whole_model_is_refused_without_being_made(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(UserError, match="would run code"):
        keras_cnns.build("resnet18", weights=tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda state: state["layer1.0.conv1.weight"].view(-1)[:1].fill_(float("nan")), "not finite"),
        (lambda state: state.update({"layer1.0.conv1.weight": torch.zeros(64, 64, 5, 5)}), "do not fit"),
        (lambda state: state.pop("layer4.1.conv2.weight"), "1 missing .conv5_block2_2_conv/kernel"),
        (lambda state: state.update({"layer9.0.conv1.weight": torch.zeros(3)}), "1 left over"),
    ],
    ids=["NaN", "shape", "missing", "left over"],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(resnet18, tmp_path, change, refusal):
    state = torch.load(resnet18, weights_only=True)
    change(state)
    torch.save(state, tmp_path / "changed.pth")
    model = keras_cnns.build("resnet18", input_shape=SHAPE)
    before = [v.numpy() for v in model.weights]
    with pytest.raises(UserError, match=refusal):
        keras_cnns.load_weights(model, tmp_path / "changed.pth")
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.weights, strict=True))


def test_numerics_and_preprocessing_come_with_the_weights(tmp_path):
    from tests.weights import torch_peers

    network = torch_peers.create("torchvision", "mobilenet_v2")
    path = torch_peers.save(network, "torchvision", tmp_path)
    model = keras_cnns.build("mobilenet_v2", weights=path, input_shape=SHAPE, include_preprocessing=True)
    assert model.get_layer("stem_bn").epsilon == 1e-5
    assert model.get_layer("stem_pad").padding == ((1, 1), (1, 1))
    np.testing.assert_allclose(np.ravel(model.get_layer("normalization").mean), [0.485, 0.456, 0.406], rtol=1e-6)
    ours = keras_cnns.build("mobilenet_v2", weights=path, input_shape=SHAPE, preprocessing="tf")
    assert ours.get_layer("stem_bn").epsilon == 1e-5, "what the caller says wins, the rest comes with the weights"


@pytest.mark.parametrize(("groups", "multiplier"), [(6, 1), (6, 2), (1, 1), (2, 1)])
def test_kernels_in_keras_axes(groups, multiplier):
    """One convolution in torch and in Keras, the kernel carried over."""
    import keras

    images = pictures(2, (9, 8, 6))
    theirs = torch.nn.Conv2d(6, 6 * multiplier, 3, groups=groups, bias=False)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    if groups == 6:
        layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=multiplier, use_bias=False)
    else:
        layer = keras.layers.Conv2D(6, 3, groups=groups, use_bias=False)
    layer.build(images.shape)
    layer.kernel.assign(keras_axes(layer, theirs.weight.detach().numpy()))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(images)), expected, rtol=0, atol=1e-5)


def squeezenet(seed=0):
    return {name: torch.tensor(array) for name, array in torch_written.squeezenet(seed).items()}


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def kernel(path):
    model = keras_cnns.build("squeezenet1_1", weights=path, input_shape=SHAPE)
    assert model.output_shape == (None, 5), "as many classes as the file has"
    return model.get_layer("fire5_expand3x3_conv").kernel.numpy()


WRAPPINGS = {
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.zeros(9)}}}},
    "model_state_dict": lambda s: {"epoch": 3, "loss": 0.1, "model_state_dict": s},
    "model": lambda s: {"model": s, "lr_scheduler": {"last_epoch": 3}},
    "net": lambda s: {"net": s, "acc": 91.2},
    "nested": lambda s: {"checkpoint": {"model": {"state_dict": s}}},
    "beside a number": lambda s: {**s, "epoch": 3},
    "module.": lambda s: prefixed("module.", s),
    "_orig_mod.": lambda s: prefixed("_orig_mod.", s),
    "module._orig_mod.": lambda s: {"model": prefixed("module._orig_mod.", s)},
    "backbone.": lambda s: prefixed("backbone.", s),
    "encoder.backbone.": lambda s: prefixed("encoder.backbone.", s),
    "Lightning": lambda s: {
        "state_dict": prefixed("model.", s) | {"criterion.weight": torch.ones(5)},
        "hyper_parameters": {"lr": 0.1},
        "pytorch-lightning_version": "2.4.0",
    },
    "half": lambda s: {key: value.half() for key, value in s.items()},
    "keep_vars": lambda s: {key: torch.nn.Parameter(value) for key, value in s.items()},
    "strided": lambda s: {key: value.transpose(0, -1).contiguous().transpose(0, -1) for key, value in s.items()},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("zipped", [True, False], ids=["archive", "stream"])
@pytest.mark.filterwarnings("ignore:.*was taken")
def test_a_checkpoint_in_its_usual_wrappings(tmp_path, wrapping, zipped):
    state = squeezenet()
    torch.save(WRAPPINGS[wrapping](state), tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    saved = state["features.7.expand3x3.weight"]
    saved = saved.half().float() if wrapping == "half" else saved
    np.testing.assert_array_equal(kernel(tmp_path / "x.pth"), saved.numpy().transpose(2, 3, 1, 0))


def test_bfloat16(tmp_path):
    state = {key: value.bfloat16() for key, value in squeezenet().items()}
    torch.save(state, tmp_path / "x.pth")
    expected = state["features.7.expand3x3.weight"].float().numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel(tmp_path / "x.pth"), expected)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda plain, average: {"state_dict": plain, "state_dict_ema": average},
        lambda plain, average: {"model": plain, "model_ema": average, "epoch": 3},
        lambda plain, average: {"ema": {"state_dict": average}, "model": plain},
        lambda plain, average: {"state_dict": prefixed("model.", plain) | prefixed("ema_model.", average)},
        lambda plain, average: {"student": plain, "teacher": average},
    ],
)
def test_an_average_of_the_weights_is_used_with_a_message(tmp_path, wrapped):
    torch.save(wrapped(squeezenet(1), squeezenet(2)), tmp_path / "x.pth")
    with pytest.warns(UserWarning, match="(?i)(ema|teacher).* was taken"):
        actual = kernel(tmp_path / "x.pth")
    expected = squeezenet(2)["features.7.expand3x3.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(actual, expected)


def test_torchscript_is_refused_as_such(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.convolution(x)

    torch.jit.script(Net()).save(tmp_path / "x.pt")
    with pytest.raises(UserError, match="TorchScript"):
        keras_cnns.build("squeezenet1_1", weights=tmp_path / "x.pt")


def test_a_namespace_beside_the_weights_is_passed_over_and_not_made(tmp_path):
    import argparse

    torch.save({"state_dict": squeezenet(), "args": argparse.Namespace(lr=0.1)}, tmp_path / "x.pth")
    assert kernel(tmp_path / "x.pth").shape == (3, 3, 32, 128)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_same_values_as_torch_reads(tmp_path, zipped):
    from keras_cnns.weights.formats import torch_files

    base = torch.arange(60.0).reshape(3, 4, 5)
    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool)
    content = {str(kind): base.to(kind) for kind in kinds}
    content |= {"view": base[1:, ::2, 1:3], "turned": base.permute(2, 0, 1), "scalar": torch.tensor(3.5)}
    content |= {"empty": torch.zeros(0, 3), "spread": base[:1].expand(6, 4, 5)}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    for key, value in torch_files.read(tmp_path / "x.pth").items():
        expected = content[key].float() if content[key].dtype == torch.bfloat16 else content[key]
        np.testing.assert_array_equal(value.array(), expected.numpy())
