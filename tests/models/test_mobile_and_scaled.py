"""MobileNet, MnasNet, EfficientNet, SqueezeNet: the published counts, and the rules that scale them."""

import pytest

from keras_cnns import build
from keras_cnns.blocks.mbconv import round_channels
from keras_cnns.models.efficientnet import VARIANTS, compound_scaling, layers_per_stage


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "count", "trainable"),
    [
        ("mobilenet_v1", 4_253_864, 4_231_976),
        ("mobilenet_v2", 3_538_984, 3_504_872),
        ("mobilenet_v3_small", 2_554_968, 2_542_856),
        ("mobilenet_v3_large", 5_507_432, 5_483_032),
        ("efficientnet_b0", 5_330_571, 5_288_548),
        ("efficientnet_b2", 9_177_569, 9_109_994),
        ("efficientnet_lite0", None, 4_652_008),
        ("efficientnet_lite1", None, 5_416_680),
        ("efficientnet_lite2", None, 6_092_072),
        ("efficientnet_lite3", None, 8_197_096),
        ("efficientnet_lite4", None, 13_006_568),
        ("squeezenet1_0", 1_248_424, 1_248_424),
        ("squeezenet1_1", 1_235_496, 1_235_496),
        ("mnasnet_100", None, 4_383_312),
    ],
)
def test_parameters_as_published(name, count, trainable):
    """keras.applications counts the normalization of EfficientNet's pictures too: 7 variables."""
    model = build(name, include_preprocessing="efficientnet_b" in name)
    assert sum(v.numpy().size for v in model.trainable_weights) == trainable
    assert count is None or model.count_params() == count


@pytest.mark.parametrize("size", ["small", "large"])
def test_minimalistic_forms_have_small_kernels_and_no_gates(size):
    model = build(f"mobilenet_v3_{size}_minimalistic", input_shape=(64, 64, 3))
    kernels = [layer.kernel_size for layer in model.layers if hasattr(layer, "kernel_size")]
    assert set(kernels) == {(1, 1), (3, 3)}
    assert not [layer.name for layer in model.layers if "_se_" in layer.name or "hard" in layer.name]


@pytest.mark.parametrize("width", [0.35, 0.75, 1.4])
def test_widths_are_multiples_of_eight(width):
    for name in ("mobilenet_v2", "mobilenet_v3_small"):
        model = build(name, input_shape=(32, 32, 3), width=width)
        assert all(
            layer.filters % 8 == 0 for layer in model.layers if "_conv" in layer.name and hasattr(layer, "filters")
        )


@pytest.mark.parametrize(
    ("channels", "rounded"), [(1, 8), (11.9, 16), (12, 16), (18, 24), (19.9, 24), (33.6, 32), (40, 40)]
)
def test_rounding_never_loses_more_than_a_tenth(channels, rounded):
    assert round_channels(channels) == rounded
    assert rounded >= 0.9 * channels


def test_compound_scaling():
    """Equation 3 with the paper's alpha, beta, gamma: each phi doubles the operations."""
    assert compound_scaling(0) == (1, 1, 1)
    assert compound_scaling(1) == (1.2, 1.1, 1.15)
    depth, width, resolution = compound_scaling(2.5)
    assert depth * width**2 * resolution**2 == pytest.approx((1.2 * 1.1**2 * 1.15**2) ** 2.5)
    assert abs(1.2 * 1.1**2 * 1.15**2 - 2) < 0.1
    assert compound_scaling(1).side == 258


def test_any_phi_can_be_built():
    scale = compound_scaling(0.5)
    model = build("efficientnet_b0", depth=scale.depth, width=scale.width, input_shape=(64, 64, 3))
    assert model.count_params() > build("efficientnet_b0", input_shape=(64, 64, 3)).count_params()


def test_lite_keeps_its_ends():
    """Stem, head, and the first and last stage's layers are B0's in every size."""
    lite2 = build("efficientnet_lite2", input_shape=(32, 32, 3))
    assert (lite2.get_layer("stem_conv").filters, lite2.get_layer("last_conv").filters) == (32, 1280)
    assert layers_per_stage(VARIANTS["efficientnet_b2"]) == [2, 3, 3, 4, 4, 5, 2]
    names = [layer.name for layer in lite2.layers]
    assert "stage2_block2_project_conv" not in names
    assert "stage3_block3_project_conv" in names
