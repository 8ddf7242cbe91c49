"""KerasHub's presets: its networks built, filled, saved, loaded here, compared. `tox -e keras-hub` installs it."""

import json
import re

import h5py
import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.formats import keras_hub as format
from tests.weights.parity import settle

TOLERANCE = 1e-4  # of the largest logit

RESNET = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [7],
    "stackwise_num_filters": [64, 128, 256, 512],
    "stackwise_num_strides": [1, 2, 2, 2],
}
B0 = {
    "stackwise_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
    "stackwise_num_repeats": [1, 2, 2, 3, 3, 4, 1],
    "stackwise_input_filters": [32, 16, 24, 40, 80, 112, 192],
    "stackwise_output_filters": [16, 24, 40, 80, 112, 192, 320],
    "stackwise_expansion_ratios": [1, 6, 6, 6, 6, 6, 6],
    "stackwise_strides": [1, 2, 2, 2, 1, 2, 1],
    "stackwise_block_types": ["v1"] * 7,
    "width_coefficient": 1.0,
    "depth_coefficient": 1.0,
}
V3_SMALL = {
    "stackwise_expansion": [[72, 88], [96, 240, 240], [120, 144], [288, 576, 576]],
    "stackwise_num_blocks": [2, 3, 2, 3],
    "stackwise_num_filters": [[24, 24], [40, 40, 40], [48, 48], [96, 96, 96]],
    "stackwise_kernel_size": [[3, 3], [5, 5, 5], [5, 5], [5, 5, 5]],
    "stackwise_num_strides": [[2, 1], [2, 1, 1], [1, 1], [2, 1, 1]],
    "stackwise_se_ratio": [[None, None], [0.25] * 3, [0.25] * 2, [0.25] * 3],
    "stackwise_activation": [["relu"] * 2, ["hard_swish"] * 3, ["hard_swish"] * 2, ["hard_swish"] * 3],
    "stackwise_padding": [[1, 1], [2, 2, 2], [2, 2], [2, 2, 2]],
    "output_num_filters": 1024,
    "input_num_filters": 16,
    "depthwise_filters": 16,
    "depthwise_stride": 2,
    "depthwise_residual": False,
    "squeeze_and_excite": 0.5,
    "last_layer_filter": 576,
}
XCEPTION = {
    "stackwise_conv_filters": [[32, 64], [128] * 2, [256] * 2, [728] * 2, *[[728] * 3] * 8, [728, 1024], [1536, 2048]],
    "stackwise_pooling": [False, True, True, True, *[False] * 8, True, False],
}
# our name: KerasHub's backbone, its configuration, what both networks are built with besides
NETWORKS = {
    "resnet18": ("ResNet", RESNET | {"stackwise_num_blocks": [2, 2, 2, 2], "block_type": "basic_block"}),
    "resnet50_v1_5": ("ResNet", RESNET | {"stackwise_num_blocks": [3, 4, 6, 3], "block_type": "bottleneck_block"}),
    "resnetv2_50": (
        "ResNet",
        RESNET | {"stackwise_num_blocks": [3, 4, 6, 3], "block_type": "bottleneck_block", "use_pre_activation": True},
    ),
    "densenet121": ("DenseNet", {"stackwise_num_repeats": [6, 12, 24, 16]}),
    "xception": ("Xception", XCEPTION),
    "efficientnet_b0": ("EfficientNet", B0 | {"stackwise_squeeze_and_excite_ratios": [0.25] * 7}),
    "efficientnet_lite0": (
        "EfficientNet",
        B0 | {"stackwise_squeeze_and_excite_ratios": [0] * 7, "activation": "relu6", "batch_norm_epsilon": 1e-3},
    ),
    "mobilenet_v3_small": ("MobileNet", V3_SMALL),
    "vgg16": (
        "VGG",
        {"stackwise_num_repeats": [2, 2, 3, 3, 3], "stackwise_num_filters": [64, 128, 256, 512, 512]},
    ),
}
SIZES = {"vgg16": (224, 224, 3)}  # at others KerasHub slides the classifier over the picture
OURS = {"vgg16": {"fc": (32, 32)}}
THEIRS = {"vgg16": {"pooling_hidden_dim": 32}}


def classifier(hub, name, shape, **options):
    kind, config = NETWORKS[name]
    option = "input_shape" if kind == "EfficientNet" else "image_shape"
    backbone = getattr(hub.models, f"{kind}Backbone")(**config, **{option: shape})
    return getattr(hub.models, f"{kind}ImageClassifier")(backbone, num_classes=7, **THEIRS.get(name, {}), **options)


def fill(model, images):
    """Kernels, gains and offsets away from their initial values, and statistics near those of `images`."""
    rng = np.random.default_rng(0)
    for v in model.weights:
        kind = v.path.rsplit("/", 1)[-1]
        if kind in ("gamma", "moving_variance"):
            v.assign(rng.uniform(0.5, 1.5, v.shape))
        elif kind in ("beta", "bias", "moving_mean"):
            v.assign(rng.normal(0, 0.2, v.shape))
        elif "kernel" in kind:
            fan_in = np.prod(v.shape[:-2] if v.shape[-1] == 1 or "depthwise" in kind else v.shape[:-1])
            v.assign(rng.normal(0, (2 / fan_in) ** 0.5, v.shape))
    settle(Layers(model), images)


class Layers:
    """A model, with the layers inside its layers among its `layers`."""

    def __init__(self, model):
        self.model, self.layers = model, list(model._flatten_layers())

    def __call__(self, images, training):
        return self.model(images, training=training)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_preset_gives_the_same_logits(name, tmp_path):
    hub = pytest.importorskip("keras_hub")
    shape = SIZES.get(name, (107, 129, 3))
    images = pictures(2, shape, seed=1)
    theirs = classifier(hub, name, shape)
    fill(theirs, images)
    theirs.save_to_preset(tmp_path)
    expected = np.asarray(theirs(images, training=False))
    ours = keras_cnns.build(name, weights=tmp_path, input_shape=shape, classifier_activation=None, **OURS.get(name, {}))
    assert np.abs(expected[0] - expected[1]).max() > 10 * TOLERANCE * np.abs(expected).max()
    difference = np.abs(ours(images, training=False) - expected).max() / np.abs(expected).max()
    print(f"{name}: {difference:.1e}")
    assert difference < TOLERANCE


PIXELS = {"scale": [1 / 255] * 3, "offset": [-0.1, -0.2, -0.3]}


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A folder as KerasHub writes it, of a ResNet-18 with 5 classes, and the network that it is made from."""
    folder = tmp_path_factory.mktemp("preset")
    model = randomize(keras_cnns.build("resnet18", classes=5, input_shape=(64, 64, 3), classifier_activation=None))
    config = NETWORKS["resnet18"][1] | {"use_pre_activation": False}
    described = {"module": "keras_hub.src.models.resnet.resnet_backbone", "class_name": "ResNetBackbone"}
    (folder / "config.json").write_text(json.dumps(described | {"config": config}))
    task = {"class_name": "ResNetImageClassifier", "config": {"num_classes": 5, "pooling": "avg"}}
    (folder / "task.json").write_text(json.dumps(task))
    (folder / "image_converter.json").write_text(json.dumps({"class_name": "ResNetImageConverter", "config": PIXELS}))
    write(folder / "model.weights.h5", [layer for layer in model.layers if layer.name != "predictions"])
    write(folder / "task.weights.h5", [model.get_layer("predictions")])
    return folder, model


def write(path, layers):
    with h5py.File(path, "w") as file:
        for i, layer in enumerate(layer for layer in layers if layer.weights):
            group = file.create_group(f"layers/layer_{i}/vars")
            group.attrs["name"] = re.sub(
                r"^conv([2-5])_block(\d)", lambda m: f"stack{int(m[1]) - 2}_block{int(m[2]) - 1}", layer.name
            )
            for number, v in enumerate(layer.weights):
                group[str(number)] = np.asarray(v)
        file.create_group("layers/dropout/seed_generator/vars")["0"] = np.zeros(2, "uint32")


def test_a_preset_folder_is_read_with_its_classifier(preset):
    folder, model = preset
    x = pictures(2, (64, 64, 3))
    for source in (folder, folder / "model.weights.h5"):
        ours = keras_cnns.build("resnet18", weights=source, input_shape=(64, 64, 3), classifier_activation=None)
        np.testing.assert_array_equal(ours(x, training=False), model(x, training=False))


def test_the_image_converter_becomes_the_preprocessing(preset):
    folder, model = preset
    pixels = pictures(2, (64, 64, 3), high=255.0)
    ours = keras_cnns.build(
        "resnet18", weights=folder, input_shape=(64, 64, 3), classifier_activation=None, include_preprocessing=True
    )
    expected = np.asarray(model((pixels * PIXELS["scale"] + PIXELS["offset"]).astype("float32"), training=False))
    np.testing.assert_allclose(ours(pixels, training=False), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def changed(preset, tmp_path, file, **changes):
    """The preset with some keys of a configuration changed."""
    for path in preset[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = json.loads((tmp_path / file).read_text())
    content["config"] |= changes
    (tmp_path / file).write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"stackwise_num_strides": [1, 2, 2, 1]}, "another network .* stackwise_num_strides differ"),
        ("config.json", {"block_type": "basic_block_vd"}, "another network .* block_type differ"),
        ("config.json", {"use_pre_activation": True}, "another network .* use_pre_activation differ"),
        ("task.json", {"pooling": "max"}, "pools the maximum"),
        ("image_converter.json", {"scale": "x"}, "no valid scale"),
        ("image_converter.json", {"offset": [1, 2]}, "no valid scale"),
    ],
)
def test_a_preset_of_another_network_is_refused(file, changes, message, preset, tmp_path):
    with pytest.raises(UserError, match=message):
        keras_cnns.build("resnet18", weights=changed(preset, tmp_path, file, **changes))


def test_a_preset_for_a_network_that_it_is_not(preset):
    with pytest.raises(UserError, match="preset of KerasHub's ResNetBackbone, which is not mobilenet_v2"):
        keras_cnns.build("mobilenet_v2", weights=preset[0])


def test_a_preset_without_its_weights(preset, tmp_path):
    changed(preset, tmp_path, "config.json")
    (tmp_path / "model.weights.h5").unlink()
    with pytest.raises(UserError, match="without model.weights.h5"):
        keras_cnns.build("resnet18", weights=tmp_path)
    (tmp_path / "model.weights.h5").write_bytes(b"\x89HDF")
    with pytest.raises(UserError, match="damaged"):
        keras_cnns.build("resnet18", weights=tmp_path)


def test_other_folders_are_no_presets(tmp_path):
    assert format.folder_of(tmp_path) is None
    for text in ("{", "[]", '{"module": "keras.src.models.functional"}', '{"module": 3}'):
        (tmp_path / "config.json").write_text(text)
        assert format.folder_of(tmp_path) is None
