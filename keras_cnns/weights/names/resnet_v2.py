"""Other libraries' layer names in models/resnet_v2.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {f"resnet{depth}_v2": f"ResNet{depth}V2" for depth in (50, 101, 152)},
    "timm": {f"resnetv2_{depth}": f"resnetv2_{depth}" for depth in (50, 101, 152)},
    "keras_hub": {f"resnetv2_{depth}": "ResNetBackbone" for depth in (50, 101, 152)},
}
COLUMNS = {"timm": {"preprocessing": "tf"}}


def keras(net: Any) -> Rules:
    """The authors' names, which are ours."""
    return []


def timm(net: Any) -> Rules:
    """The rules from timm's names to ours.

    timm numbers stages and blocks from 0. In a block, normN is the normalization in front of convN.
    """
    return [
        (r"^stem\.conv$", "conv1_conv"),
        (r"^norm$", "post_bn"),
        (r"^head\.fc$", "predictions"),
        (r"^stages\.(\d)\.blocks\.(\d+)\.", lambda m: f"conv{int(m[1]) + 2}_block{int(m[2]) + 1}_"),
        (r"_downsample\.conv$", "_0_conv"),
        (r"_norm1$", "_preact_bn"),
        (r"_norm(\d)$", lambda m: f"_{int(m[1]) - 1}_bn"),
        (r"_conv(\d)$", r"_\1_conv"),
    ]


def keras_hub(net: Any) -> Rules:
    """KerasHub counts stages and blocks from 0."""
    return [
        (r"^stack(\d)_block(\d+)_", lambda m: f"conv{int(m[1]) + 2}_block{int(m[2]) + 1}_"),
        (r"_pre_activation_bn$", "_preact_bn"),
    ]


NAMES = Names(PEERS, {"keras": keras, "timm": timm, "keras_hub": keras_hub}, columns=COLUMNS)
