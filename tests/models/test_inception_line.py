"""GoogLeNet to Inception-ResNet and Xception: the papers' tables."""

import pytest

from keras_cnns import build
from keras_cnns.models.googlenet import TABLE_1
from keras_cnns.models.inception_v2 import FIG_5


def depths(name, prefix, table):
    model = build(name, include_top=False)
    return {key: model.get_layer(f"{prefix}{key}").output.shape[-1] for key in table}


def test_googlenets_output_sizes():
    """Table 1, "output size"."""
    assert depths("googlenet", "inception", TABLE_1) == {
        **{"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
    }


def test_naive_modules_only_grow():
    """Pooling passes on all of its input, so each module adds to the one before."""
    expected, depth = {}, 192
    for key, (n1, _, n3, _, n5, _) in TABLE_1.items():
        depth += n1 + n3 + n5
        expected[key] = depth
    assert depths("googlenet_naive", "inception", TABLE_1) == expected


def test_inception_v2s_output_sizes():
    """Fig. 5, but where it contradicts itself (4c to 4e: 576, 576, 1024): what its columns add up to."""
    assert depths("inception_v2", "inception", FIG_5) == {
        **{"3a": 256, "3b": 320, "3c": 576, "4a": 576, "4b": 576, "4c": 608, "4d": 608, "4e": 1056},
        **{"5a": 1024, "5b": 1024},
    }


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        ("inception_v3", (288, 768, 2048)),
        pytest.param("inception_v4", (384, 1024, 1536), marks=pytest.mark.slow),
        ("inception_resnet_v1", (256, 896, 1792)),
        pytest.param("inception_resnet_v2", (320, 1088, 1536), marks=pytest.mark.slow),
    ],
)
def test_three_sizes_of_modules(name, depths):
    levels = build(name, features_only=True).output
    assert [tuple(levels[f"C{n}"].shape[1:]) for n in (3, 4, 5)] == [
        (size, size, depth) for size, depth in zip((35, 17, 8), depths, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "scales", "linear"),
    [
        ("inception_resnet_v1", [0.17] * 5 + [0.1] * 10 + [0.2] * 5, []),
        pytest.param(
            *("inception_resnet_v2", [0.17] * 10 + [0.1] * 20 + [0.2] * 9 + [1.0], ["block8_10"]),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_residuals_are_scaled_and_the_second_ends_in_a_linear_block(name, scales, linear):
    model = build(name, include_top=False)
    names = [layer.name for layer in model.layers]
    blocks = [name.removesuffix("_add") for name in names if name.endswith("_add")]
    assert [model.get_layer(f"{block}_scale").scale for block in blocks] == scales
    assert [block for block in blocks if f"{block}_out_relu" not in names] == linear


def test_xception_has_36_convolutions():
    """14 modules; "36 convolutional layers forming the feature extraction base" (section 4)."""
    model = build("xception", include_top=False)
    kinds = [type(layer).__name__ for layer in model.layers]
    shortcuts = sum(layer.name.endswith("shortcut_conv") for layer in model.layers)
    assert kinds.count("SeparableConv2D") + kinds.count("Conv2D") - shortcuts == 36
    assert kinds.count("Add") == 12 and shortcuts == 4
