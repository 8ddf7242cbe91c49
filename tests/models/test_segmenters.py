"""DeepLab, LR-ASPP and U-Net: any size, any backbone with levels, counts, mistakes."""

import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.registry.registry import counts
from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite import Tuning, export
from keras_cnns.weights import load_weights
from tests.weights.parity import settle

NARROW = {"columns": {"width": 0.35, "output_stride": 16}}
SMALL = {
    "lr_aspp": {**NARROW, "width": 16},
    "deeplab_v3_plus": {**NARROW, "width": 16, "low_width": 8},
    "backbone_unet": {"columns": {"width": 0.35}, "widths": (24, 16, 16, 8, 8)},
    "unet": {"widths": (4, 4, 8, 8, 8)},
}


def small(name, shape, **options):
    return build(name, **{"classes": 5, "input_shape": shape, **SMALL[name], **options})


@pytest.mark.parametrize("name", SMALL)
def test_a_network_for_any_size_has_the_scores_of_one_for_a_fixed_size(name):
    """The odd size is no multiple of any stride."""
    fixed, free = (small(name, shape) for shape in ((50, 71, 3), (None, None, 3)))
    randomize(fixed)
    for layer in free.layers:  # their order may differ
        if layer.weights:
            layer.set_weights(fixed.get_layer(layer.name).get_weights())
    images = pictures(1, (50, 71, 3))
    expected = fixed(images)
    assert expected.shape == (1, 50, 71, 5)
    np.testing.assert_allclose(free(images), expected, atol=1e-5)
    np.testing.assert_allclose(np.sum(expected, -1), 1, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_one_class_has_one_score_for_each_pixel(name):
    assert small(name, (64, 64, 3), classes=1).output_shape == (None, 64, 64, 1)


def test_the_levels_of_lr_aspp_are_columns():
    columns = {"widths": (4, 4, 4, 4, 4), "fc": ()}
    net = small("lr_aspp", (32, 48, 3), backbone="vgg11_bn", columns=columns, low="C1", high="C2")
    assert net.get_layer("score_low").output.shape[1:3] == (16, 24)
    assert net.get_layer("score_high").output.shape[1:3] == (8, 12)
    assert net.output_shape == (None, 32, 48, 5)


def test_unet_is_as_large_as_the_figure_says():
    """Fig. 1, with biases: two 3x3 convolutions for each size, four up-convolutions, the scores."""
    widths = (64, 128, 256, 512, 1024)
    down = sum(9 * (a * b + b * b) + 2 * b for a, b in zip((1, *widths), widths, strict=False))
    up = sum(4 * 2 * b * b + b + 9 * (2 * b * b + b * b) + 2 * b for b in widths[:-1])
    assert counts()["unet"]["params"] == down + up + 64 * 2 + 2 == 31_030_658


def test_the_levels_of_unet_can_be_a_backbone():
    assert build("fcn32s", backbone="unet", columns={"widths": (4, 4, 4, 4, 4, 4)}, input_shape=(64, 64, 3)).built


@pytest.mark.parametrize("backbone", ["resnet18", "vgg11_bn", "efficientnet_lite0"])
def test_unet_stands_on_any_backbone(backbone):
    columns = {"widths": (8, 8, 8, 8, 8), "fc": ()} if backbone == "vgg11_bn" else {}
    options = {"backbone": backbone, "columns": columns, "widths": (16, 16, 8, 8, 4), "classes": 3}
    assert build("backbone_unet", input_shape=(45, 64, 3), **options).output_shape == (None, 45, 64, 3)


def test_a_segmenter_with_levels_of_its_own_loads_its_own_file_for_other_classes(tmp_path):
    net = randomize(small("unet", (32, 32, 3)))
    net.save(tmp_path / "unet.keras")
    with pytest.warns(UserWarning, match="score keeps its initial weights"):
        other = small("unet", (48, 32, 3), classes=3, weights=tmp_path / "unet.keras")
    np.testing.assert_array_equal(other.get_layer("up0_2_conv").kernel, net.get_layer("up0_2_conv").kernel)
    load_weights(same := small("unet", (32, 32, 3)), tmp_path / "unet.keras")
    images = pictures(1, (32, 32, 3))
    np.testing.assert_array_equal(same(images), net(images))


@pytest.mark.parametrize(
    ("name", "wrong", "hint"),
    [
        ("lr_aspp", {"backbone": "lenet5", "columns": {}, "input_shape": (64, 64, 1)}, "C3"),
        ("lr_aspp", {"backbone": "vgg11_bn", "columns": {"output_stride": 16}}, "no column 'output_stride'"),
        ("lr_aspp", {"columns": {"output_stride": 4}}, "output_stride is 4"),
        ("deeplab_v3_plus", {"low": "C9"}, "C9"),
        ("backbone_unet", {"widths": (8, 8)}, "5 are needed"),
        ("backbone_unet", {"backbone": "inception_v3", "columns": {}, "input_shape": (96, 96, 3)}, "halve"),
        ("backbone_unet", {"columns": {"output_stride": 8}}, "halve"),
        ("backbone_unet", {"backbone": "unet", "columns": {}}, "widths has 5 numbers, and 4"),
        ("unet", {"widths": ()}, "widths"),
        ("unet", {"classes": 0}, "classes"),
    ],
)
def test_a_mistake_gets_one_clear_line(name, wrong, hint):
    with pytest.raises(UserError, match=hint) as error:
        small(name, (64, 64, 3), **wrong) if "input_shape" not in wrong else small(name, None, **wrong)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_int8_file_answers_as_the_network(name, tmp_path):
    net, images = randomize(small(name, (64, 96, 3), classifier_activation=None)), pictures(32, (64, 96, 3))
    settle(net, images)
    options = {"calibration": images, "images": images[:8], "tuning": Tuning.plain()}
    report = export(net, tmp_path / "net.tflite", scheme="int8", **options)
    assert report.snr_db > 18
