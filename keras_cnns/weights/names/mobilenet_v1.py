"""Other libraries' layer names in models/mobilenet_v1.py's words."""

from typing import Any

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.weights.names.inverted import TIMM_ENDS, counted
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {"mobilenet_v1": "MobileNet"},
    "timm": {"mobilenet_v1": "mobilenetv1_100"},
    "transformers": {"mobilenet_v1": "mobilenet_v1"},
}
COLUMNS = {
    "timm": {"numerics": TORCH, "preprocessing": "tf"},
    "transformers": {"numerics": Numerics(), "preprocessing": "tf"},
}


def keras(net: Any) -> Rules:
    return [
        (r"^conv1$", "conv1_conv"),
        (r"^conv_(dw|pw)_(\d+)$", r"conv_\1_\2_conv"),
        (r"^conv_dw_(\d+)_(conv|bn)$", r"block\1_depthwise_\2"),
        (r"^conv_pw_(\d+)_(conv|bn)$", r"block\1_pointwise_\2"),
        (r"^conv_preds$", "predictions"),
    ]


def timm(net: Any) -> Rules:
    """timm's stages begin where the channels change."""
    parts = {"conv_dw": "depthwise_conv", "bn1": "depthwise_bn", "conv_pw": "pointwise_conv", "bn2": "pointwise_bn"}
    filters = [c for _, c in net.table]
    return [
        *[(pattern, ours.replace("stem", "conv1")) for pattern, ours in TIMM_ENDS],
        counted(r"^blocks\.(\d+)\.(\d+)\.", [filters.count(c) for c in dict.fromkeys(filters)]),
        (r"^#(\d+)\.(\w+)$", lambda m: f"block{int(m[1]) + 1}_{parts[m[2]]}"),
    ]


def transformers(net: Any) -> Rules:
    """The rules for transformers, which counts depthwise and pointwise convolutions together, from 0."""
    return [
        (r"^mobilenet_v1\.", ""),
        (r"^classifier$", "predictions"),
        (r"^conv_stem\.", "conv1."),
        (r"^layer\.(\d+)\.", lambda m: f"block{int(m[1]) // 2 + 1}_{('depthwise', 'pointwise')[int(m[1]) % 2]}."),
        (r"\.convolution$", "_conv"),
        (r"\.normalization$", "_bn"),
    ]


NAMES = Names(PEERS, {"keras": keras, "timm": timm, "transformers": transformers}, columns=COLUMNS)
