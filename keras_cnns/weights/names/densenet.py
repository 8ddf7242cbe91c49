"""Other libraries' layer names in models/densenet.py's words."""

from typing import Any

from keras_cnns.blocks.conv import TORCH
from keras_cnns.weights.names.table import Names, Rules

SAME = {f"densenet{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)}
PEERS = {
    "keras": {f"densenet{depth}": f"DenseNet{depth}" for depth in (121, 169, 201)},
    "torchvision": SAME,
    "timm": SAME | {"densenet264": "densenet201(block_config=(6, 12, 64, 48))"},
    "keras_hub": {f"densenet{depth}": "DenseNetBackbone" for depth in (121, 169, 201)},
}
COLUMNS = {("timm", "densenet264"): {"numerics": TORCH}}


def keras(net: Any) -> Rules:
    """The paper's stages, as here."""
    return [(r"^bn$", "post_bn")]


def torchvision(net: Any) -> Rules:
    """Torch numbers a dense layer's normalizations before its convolutions, and the stages from 1.

    torchvision's published files are older than its present names: norm.1 in the files is norm1 in its state_dict.
    """
    return [
        (r"\.(norm|conv)\.(\d)$", r".\1\2"),
        (r"^features\.", ""),
        (r"^(conv|norm)0$", r"conv1_\1"),
        (r"^norm5$", "post_norm"),
        (r"^denseblock(\d)\.denselayer(\d+)\.", lambda m: f"conv{int(m[1]) + 1}_block{m[2]}_"),
        (r"_norm1$", "_0_norm"),
        (r"_norm2$", "_1_norm"),
        (r"_conv(\d)$", r"_\1_conv"),
        (r"^transition(\d)\.", lambda m: f"pool{int(m[1]) + 1}_"),
        (r"_norm$", "_bn"),
        (r"^classifier$", "predictions"),
    ]


timm = torchvision


def keras_hub(net: Any) -> Rules:
    """KerasHub counts stages and a dense layer's normalizations from 1."""
    return [
        (r"^stack(\d)_block(\d+)_(\d)_bn$", lambda m: f"conv{int(m[1]) + 1}_block{m[2]}_{int(m[3]) - 1}_bn"),
        (r"^stack(\d)_block", lambda m: f"conv{int(m[1]) + 1}_block"),
        (r"^transition(\d)_", lambda m: f"pool{int(m[1]) + 1}_"),
        (r"^bn$", "post_bn"),
    ]


NAMES = Names(
    PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm, "keras_hub": keras_hub}, columns=COLUMNS
)
