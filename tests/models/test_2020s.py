"""RegNet, EfficientNetV2, ConvNeXt and MobileNetV4: what their papers say of the tables."""

import pytest

from keras_cnns import build
from keras_cnns.models import convnext, convnext_v2, efficientnet_v2, mobilenet_v4, nasnet, regnet
from keras_cnns.registry.registry import counts
from keras_cnns.support.errors import UserError


def test_regnet_has_whole_groups_and_no_more_than_four_widths():
    for name, net in regnet.VARIANTS.items():
        assert len(net.d) == len(net.w) == 4, name
        assert all(width % min(net.g, width) == 0 for width in net.w), name
        assert list(net.w) == sorted(net.w), name
        assert (net.se_ratio > 0) == name.startswith("regnet_y"), name


@pytest.mark.parametrize("kind", ["x", "y"])
def test_regnets_are_named_after_their_operations(kind):
    """A RegNetX-400MF has 400 million multiply-adds, to a tenth."""
    for name in regnet.VARIANTS:
        size = name.removesuffix("_tv").rsplit(f"regnet_{kind}_", 1)
        if len(size) == 2:
            unit = 1e6 if size[1].endswith("mf") else 1e9
            stated = float(size[1].removesuffix("mf").removesuffix("gf").replace("_", ".")) * unit
            assert counts()[name]["macs"] == pytest.approx(stated, rel=0.1), name


def test_efficientnet_v2_rounds_channels_to_the_nearest_multiple_of_eight():
    """EfficientNet would round 1.2 * 16 = 19.2 up to 24, because 16 is more than a tenth below."""
    assert [efficientnet_v2.scaled(1.2 * n) for n in (16, 32, 1280)] == [16, 40, 1536]
    assert efficientnet_v2.layers_per_stage(efficientnet_v2.VARIANTS["efficientnet_v2_b3"]) == [2, 3, 3, 5, 7, 12]


def test_efficientnet_v2_has_fused_blocks_first():
    model = build("efficientnet_v2_b0", input_shape=(32, 32, 3), include_top=False)
    names = [layer.name for layer in model.layers]
    fused = [name for name in names if name.startswith(("stage1_", "stage2_", "stage3_"))]
    assert not [name for name in fused if "depthwise" in name or "_se_" in name]
    assert model.get_layer("stage2_block1_expand_conv").kernel_size == (3, 3)
    assert "stage4_block1_depthwise_conv" in names and "stage4_block1_se_expand_conv" in names


@pytest.mark.parametrize("family", [convnext, convnext_v2])
def test_convnext_doubles_channels_and_drops_blocks_at_rising_rates(family):
    for net in family.VARIANTS.values():
        assert all(after == 2 * before for before, after in zip(net.C, net.C[1:], strict=False))
        rates = list(convnext.drop_rates(net))
        assert rates[0] == 0 and rates == sorted(rates) and rates[-1] == pytest.approx(net.stochastic_depth)
        assert len(rates) == sum(net.B)
        assert net.grn == (family is convnext_v2) == (net.layer_scale == 0)


def test_convnext_v2_has_response_normalization_instead_of_factors():
    names = [layer.name for layer in build("convnext_v2_atto", input_shape=(32, 32, 3), include_top=False).layers]
    assert "stage1_block1_grn" in names and not [name for name in names if name.endswith("_scale")]


def test_mobilenet_v4_strides_are_those_of_the_stages():
    for net in mobilenet_v4.VARIANTS.values():
        assert [rows[0][-1] for rows in net.table] == [2, 2, 2, 2, 1]
        assert all(row[-1] == 1 for rows in net.table for row in rows[1:])


def test_nasnet_refuses_filters_that_its_cells_cannot_share():
    assert all(net.P % 96 == 0 for net in nasnet.VARIANTS.values())
    with pytest.raises(UserError, match="multiple of 96"):
        build("nasnet_mobile", P=1000)
