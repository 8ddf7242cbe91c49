"""Folders of transformers and the .npz files of BiT's authors: the names are known, the logits are the library's."""

import json

import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures
from keras_cnns.weights import renaming, transformers_config
from keras_cnns.weights.formats import bit_npz

UNITS = ("convolution", "normalization")


def resnet18():
    blocks = [f"resnet.encoder.stages.{s}.layers.{b}" for s in range(4) for b in range(2)]
    inner = [f"{block}.layer.{k}" for block in blocks for k in range(2)]
    shortcuts = [f"resnet.encoder.stages.{s}.layers.0.shortcut" for s in (1, 2, 3)]
    return ["classifier.1", *(f"{x}.{u}" for x in ["resnet.embedder.embedder", *inner, *shortcuts] for u in UNITS)]


def mobilenet_v1():
    places = ["conv_stem", *(f"layer.{k}" for k in range(26))]
    return ["classifier", *(f"mobilenet_v1.{place}.{unit}" for place in places for unit in UNITS)]


def mobilenet_v2():
    places = [f"layer.{k}.{part}" for k in range(16) for part in ("expand_1x1", "conv_3x3", "reduce_1x1")]
    places += [f"conv_stem.{part}" for part in ("first_conv", "conv_3x3", "reduce_1x1")]
    return ["classifier", *(f"mobilenet_v2.{place}.{unit}" for place in [*places, "conv_1x1"] for unit in UNITS)]


def efficientnet_b0():
    parts = ["depthwise_conv.depthwise_conv", "depthwise_conv.depthwise_norm", "squeeze_excite.reduce"]
    parts += ["squeeze_excite.expand", "projection.project_conv", "projection.project_bn"]
    expansion = ["expansion.expand_conv", "expansion.expand_bn"]
    names = [f"encoder.blocks.{k}.{part}" for k in range(16) for part in [*expansion * (k > 0), *parts]]
    names += ["embeddings.convolution", "embeddings.batchnorm", "encoder.top_conv", "encoder.top_bn"]
    return ["classifier", *(f"efficientnet.{name}" for name in names)]


@pytest.mark.parametrize("names", [resnet18, mobilenet_v1, mobilenet_v2, efficientnet_b0], ids=lambda f: f.__name__)
def test_every_layer_has_its_name_in_transformers(names):
    name = names.__name__
    narrow = {"width": 0.35} if name in ("mobilenet_v1", "mobilenet_v2") else {}
    ours = {layer.name for layer in build(name, input_shape=(64, 64, 3), **narrow).layers if layer.weights}
    arrays = {f"{layer}/weight": 0 for layer in names()}
    renamed = renaming.rename(name, arrays, "transformers")
    assert {path.partition("/")[0] for path in renamed} == ours and len(renamed) == len(ours)


CONFIGS = [
    (
        "resnet50",
        {"model_type": "resnet", "downsample_in_bottleneck": False},
        "weights of resnet50_v1_5, not of resnet50",
    ),
    ("resnet50_v1_5", {"model_type": "resnet", "downsample_in_bottleneck": True}, "weights of resnet50, not"),
    ("resnet18", {"model_type": "resnet", "layer_type": "basic", "hidden_act": "gelu"}, "hidden_act 'gelu'"),
    ("mobilenet_v2", {"model_type": "mobilenet_v2", "output_stride": 16}, "output_stride 16"),
    ("mobilenet_v2", {"model_type": "mobilenet_v1"}, "transformers' 'mobilenet_v1', not of mobilenet_v2"),
    ("bit_r50x1", {"model_type": "bit"}, "another epsilon"),
]


@pytest.mark.parametrize(("name", "content", "message"), CONFIGS, ids=[message for *_, message in CONFIGS])
def test_a_configuration_of_another_network_is_refused(name, content, message, tmp_path):
    with pytest.raises(UserError, match=message):
        transformers_config.read(name, content, tmp_path / "config.json")


def test_padding_pixels_and_labels_come_from_the_configuration(tmp_path):
    mean, deviation = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
    pixels = {"image_mean": mean, "image_std": deviation, "rescale_factor": 1 / 255}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    content = {"model_type": "mobilenet_v1", "tf_padding": False, "layer_norm_eps": 0.01}
    content |= {"id2label": {"0": "cat", "1": "dog"}}
    columns, labels = transformers_config.read("mobilenet_v1", content, tmp_path / "config.json")
    assert labels == ("cat", "dog")
    assert (columns["numerics"].padding, columns["numerics"].epsilon) == ("symmetric", 0.01)
    np.testing.assert_allclose(columns["preprocessing"].mean, mean, rtol=1e-6)


@pytest.mark.parametrize("twice", [True, False])
def test_efficientnets_processor_divides_by_the_deviation_a_second_time(twice, tmp_path):
    pixels = {"image_mean": [0.4] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 255, "include_top": twice}
    pixels |= {"image_processor_type": "EfficientNetImageProcessor", "do_normalize": True}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    columns, _ = transformers_config.read("efficientnet_b0", {"model_type": "efficientnet"}, tmp_path / "config.json")
    scale, offset = columns["preprocessing"].coefficients()
    deviation = 0.25 if twice else 0.5
    np.testing.assert_allclose(
        (np.multiply(scale, 255), offset), np.array([[1 / deviation], [-0.4 / deviation]]) + np.zeros(3)
    )


def test_pixels_are_those_of_transformers_processor(tmp_path):
    """With `include_top` the processor of EfficientNet divides by the deviation twice."""
    pytest.importorskip("tests.weights.torch_peers")
    library = pytest.importorskip("transformers")
    processor = library.EfficientNetImageProcessor(
        include_top=True,
        size={"height": 8, "width": 8},
        do_center_crop=False,
        image_mean=[0.4] * 3,
        image_std=[0.5] * 3,
    )
    processor.save_pretrained(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    expected = np.asarray(processor(picture, return_tensors="np")["pixel_values"])[0].transpose(1, 2, 0)
    columns, _ = transformers_config.read("efficientnet_b0", {"model_type": "efficientnet"}, tmp_path / "config.json")
    scale, offset = columns["preprocessing"].coefficients()
    np.testing.assert_allclose(picture * np.asarray(scale) + np.asarray(offset), expected, rtol=0, atol=1e-4)


def test_one_label_without_a_name_does_not_remove_the_others(tmp_path):
    content = {"model_type": "mobilenet_v1", "id2label": {"0": "cat", "1": "LABEL_1"}}
    assert transformers_config.read("mobilenet_v1", content, tmp_path / "config.json")[1] == ("cat", "LABEL_1")
    content["id2label"] = {"0": "LABEL_0", "1": "LABEL_1"}
    assert transformers_config.read("mobilenet_v1", content, tmp_path / "config.json")[1] == ()


def bits(kernel=(3, 5, 2, 4)):
    value = np.arange(np.prod(kernel), dtype="float32").reshape(kernel)
    unit = "resnet/block2/unit03"
    arrays = {"resnet/root_block/standardized_conv2d/kernel": value, f"{unit}/a/proj/standardized_conv2d/kernel": value}
    arrays |= {f"{unit}/c/standardized_conv2d/kernel": value, f"{unit}/b/group_norm/gamma": np.ones(4)}
    return arrays | {"resnet/head/conv2d/bias": np.zeros(7)}


def test_arrays_of_bit_get_timms_names_and_torchs_order(tmp_path):
    np.savez(tmp_path / "bit.npz", **bits())
    arrays = bit_npz.read(tmp_path / "bit.npz")
    names = ["stem.conv.weight", "stages.1.blocks.2.downsample.conv.weight", "stages.1.blocks.2.conv3.weight"]
    assert set(arrays) == {*names, "stages.1.blocks.2.norm2.weight", "head.fc.bias"}
    kernel = bits()["resnet/root_block/standardized_conv2d/kernel"]
    assert all(arrays[name][1, 0, 2, 3] == kernel[2, 3, 0, 1] for name in names)


def test_an_array_that_bit_does_not_have_is_a_one_line_mistake(tmp_path):
    np.savez(tmp_path / "bit.npz", **bits(), **{"resnet/other/kernel": np.zeros((1, 1, 2, 2))})
    with pytest.raises(UserError, match="has resnet/other/kernel"):
        build("bit_r50x1", weights=str(tmp_path / "bit.npz"))


@pytest.mark.parametrize(
    ("name", "shape"), [("root_block/standardized_conv2d/gamma", (1, 1, 2, 2)), ("block1/unit01/a/proj/kernel", (2,))]
)
def test_an_array_of_another_form_than_bits_is_a_one_line_mistake(name, shape, tmp_path):
    np.savez(tmp_path / "bit.npz", **bits(), **{f"resnet/{name}": np.zeros(shape)})
    with pytest.raises(UserError, match=f"has resnet/{name} of shape"):
        bit_npz.read(tmp_path / "bit.npz")


# Parity with the libraries


LIBRARY = {
    "resnet18": ("ResNet", {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}, {}),
    "resnet50_v1_5": ("ResNet", {}, {}),
    "resnet50": ("ResNet", {"downsample_in_bottleneck": True}, {}),
    "mobilenet_v1": ("MobileNetV1", {"depth_multiplier": 0.5, "tf_padding": False}, {"width": 0.5}),
    "mobilenet_v2": ("MobileNetV2", {}, {}),
    "efficientnet_b0": ("EfficientNet", {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280}, {}),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_logits_are_those_of_transformers(name, tmp_path):
    peers = pytest.importorskip("tests.weights.torch_peers")
    kind, options, columns = LIBRARY[name]
    images = pictures(2, (96, 96, 3) if name != "efficientnet_b0" else (224, 224, 3), seed=1)
    expected = peers.saved_by_transformers(kind, options, images, tmp_path)
    ours = build(name, weights=str(tmp_path), input_shape=images.shape[1:], classifier_activation=None, **columns)
    logits = ours.predict(images, verbose=0)
    assert np.abs(expected[0] - expected[1]).max() > 1e-2 * np.abs(expected).max(), "the pictures must matter"
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_bits_own_file_gives_the_logits_that_timm_computes_with_it(tmp_path):
    peers = pytest.importorskip("tests.weights.torch_peers")
    from timm.models import resnetv2

    torch, timm = peers.torch, peers.timm
    images, path = pictures(2, (96, 96, 3), seed=1), tmp_path / "BiT-M-R50x1.npz"
    source = peers.randomize(timm.create_model("resnetv2_50x1_bit", num_classes=21), images)
    np.savez(path, **dict(as_published({key: value.numpy() for key, value in source.state_dict().items()})))
    reference = timm.create_model("resnetv2_50x1_bit", num_classes=21).eval()
    resnetv2._load_weights(reference, str(path))
    with torch.no_grad():
        expected = reference(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    ours = build("bit_r50x1", weights=str(path), input_shape=(96, 96, 3), classifier_activation=None)
    assert np.abs(ours.predict(images, verbose=0) - expected).max() < 1e-4 * np.abs(expected).max()


def as_published(state):
    """(the authors' name, array) for each of timm's tensors."""
    ends = {"stem.conv.weight": "root_block/standardized_conv2d/kernel", "norm.weight": "group_norm/gamma"}
    ends |= {"norm.bias": "group_norm/beta", "head.fc.weight": "head/conv2d/kernel", "head.fc.bias": "head/conv2d/bias"}
    for name, value in state.items():
        value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
        if name in ends:
            yield f"resnet/{ends[name]}", value
            continue
        _, stage, _, block, part, *_, variable = name.split(".")
        unit = f"resnet/block{int(stage) + 1}/unit{int(block) + 1:02d}"
        if part == "downsample":
            yield f"{unit}/a/proj/standardized_conv2d/kernel", value
        elif part.startswith("conv"):
            yield f"{unit}/{'abc'[int(part[4]) - 1]}/standardized_conv2d/kernel", value
        else:
            gain_or_offset = {"weight": "gamma", "bias": "beta"}[variable]
            yield f"{unit}/{'abc'[int(part[4]) - 1]}/group_norm/{gain_or_offset}", value
