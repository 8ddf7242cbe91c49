"""detectron2's pickles of ResNets: R-50.pkl of its model zoo, and checkpoints of its training."""

import os
import pickle

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures
from keras_cnns.weights.formats import array_pickles, readers
from tests.weights import torch_written
from tests.weights.test_heads import BIAS, KERNEL, SHAPE, torch_state


def converted(state):
    """The names after detectron2's tools/convert-torchvision-to-d2.py."""
    result = {}
    for name, value in state.items():
        name = name if "layer" in name else f"stem.{name}"
        for stage in range(1, 5):
            name = name.replace(f"layer{stage}", f"res{stage + 1}")
        for number in range(1, 4):
            name = name.replace(f"bn{number}", f"conv{number}.norm")
        result[name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")] = value
    return result


def zoo_file(path, head=None, protocol=4, author="torchvision"):
    """The network without its classifier, and the file that detectron2 would convert from torchvision's."""
    model, state = torch_state({"fc.weight": KERNEL, "fc.bias": BIAS} if head is None else head)
    content = {"model": converted(state), "__author__": author, "matching_heuristics": True}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return model


@pytest.mark.parametrize(
    "protocol", [pytest.param(2, marks=pytest.mark.slow), 4, pytest.param(5, marks=pytest.mark.slow)]
)
def test_the_arrays_of_a_file_of_the_model_zoo(protocol, tmp_path):
    below = zoo_file(tmp_path / "R-18.pkl", protocol=protocol)
    ours = keras_cnns.build("resnet18", weights=tmp_path / "R-18.pkl", input_shape=SHAPE, classifier_activation=None)
    x = pictures(2, SHAPE)
    expected = below.predict(x, verbose=0).mean((1, 2)) @ KERNEL.T + BIAS
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("dtype", [">f4", "<f8", "<f2", "<i8"])
def test_arrays_of_every_protocol_and_order(protocol, order, dtype, tmp_path):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order=order)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"model": {"a.b": array}, "best": np.float64(3)}, protocol=protocol))
    content = array_pickles.read(tmp_path / "x.pkl")
    np.testing.assert_array_equal(content["model"]["a.b"].array(), array)


def bottlenecks(author=None):
    """The first tensors of a ResNet-50: enough to decide whose they are."""
    names = ("stem.conv1.weight", "res2.0.conv1.weight", "res2.0.shortcut.norm.bias")
    content = {"model": {name: np.ones((1,) * (4 if name.endswith("weight") else 1), "f4") for name in names}}
    return content if author is None else content | {"__author__": author}


@pytest.mark.parametrize(
    ("name", "author", "other"), [("resnet50", "torchvision", "resnet50_v1_5"), ("resnet50_v1_5", "MSRA", "resnet50")]
)
def test_the_author_says_where_the_stride_is(name, author, other, tmp_path):
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps(bottlenecks(author)))
    with pytest.raises(UserError, match=f"converted by detectron2 from {author}.* stride of {other}, not of {name}"):
        keras_cnns.weights.load.read_weights(name, tmp_path / "R-50.pkl")


@pytest.mark.parametrize(("name", "place"), [("resnet50", "first 1x1"), ("resnet50_v1_5", "3x3")])
def test_a_trained_checkpoint_does_not_say_where_the_stride_is(name, place, tmp_path):
    torch_written.save(bottlenecks(), tmp_path / "model_final.pth")
    weights = keras_cnns.weights.load.read_weights(name, tmp_path / "model_final.pth")
    assert any(f"assumed to be in the {place} convolution" in note for note in weights.tensors.notes)


@pytest.mark.parametrize(("author", "name"), [("torchvision", "resnet50_v1_5"), ("MSRA", "resnet50")])
def test_the_pixels_of_the_author(author, name, tmp_path):
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps(bottlenecks(author)))
    pixels = keras_cnns.weights.load.read_weights(name, tmp_path / "R-50.pkl").columns(None)["preprocessing"]
    if author == "torchvision":
        assert pixels == "torch"
    else:
        assert pixels.bgr and pixels.offset == (-103.53, -116.28, -123.675)


class Danger:
    def __reduce__(self):
        return (os.mkdir, ("made",))


def test_nothing_in_a_pickle_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(bottlenecks() | {"more": Danger()}))
    assert list(readers.read(tmp_path / "x.pkl").arrays)[:1] == ["stem.conv1/weight"]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"model": Danger()}))
    with pytest.raises(UserError, match="is a pickle of Python objects"):
        readers.read(tmp_path / "x.pkl")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("shape", [(9,), (-1, 3), (2**40,)])
def test_an_array_of_another_size_than_its_bytes(shape, tmp_path):
    array = array_pickles.Array()
    kind = array_pickles._Dtype("f4")
    array.__setstate__((1, shape, kind, False, b"1234" * 3))
    with pytest.raises(ValueError, match="size of an array"):
        array.tensor()


def written_by_detectron2(depth, in_first, path, x):
    """The logits of detectron2's own ResNet with random weights, which is saved as in its model zoo.

    It is no wheel: its source must be on the path.
    """
    torch = pytest.importorskip("tests.weights.torch_peers").torch  # torchvision imports beside it
    backbone = pytest.importorskip("detectron2.modeling.backbone.resnet", exc_type=ImportError)
    torch.manual_seed(0)
    blocks = backbone.BottleneckBlock if depth > 34 else backbone.BasicBlock
    options = {"norm": "FrozenBN"} | ({"stride_in_1x1": in_first} if depth > 34 else {})
    stages = backbone.ResNet.make_default_stages(depth, block_class=blocks, **options)
    network = backbone.ResNet(backbone.BasicStem(norm="FrozenBN"), stages, num_classes=5).eval()
    for name, value in network.state_dict().items():
        if name.endswith(("norm.weight", "norm.running_var")):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("norm.bias", "norm.running_mean")):
            value.normal_(0, 0.2)
        elif value.ndim == 4:
            value.normal_(0, (2 / np.prod(value.shape[1:])) ** 0.5)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    path.write_bytes(pickle.dumps({"model": state, "__author__": "MSRA" if in_first else "torchvision"}))
    with torch.no_grad():
        return network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))["linear"].numpy()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "depth", "in_first"),
    [("resnet18", 18, False), ("resnet50", 50, True), ("resnet50_v1_5", 50, False), ("resnet101", 101, True)],
)
def test_the_logits_of_detectron2(name, depth, in_first, tmp_path):
    x = pictures(2, (97, 75, 3))
    expected = written_by_detectron2(depth, in_first, tmp_path / "R.pkl", x)
    ours = keras_cnns.build(name, weights=tmp_path / "R.pkl", input_shape=(97, 75, 3), classifier_activation=None)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
