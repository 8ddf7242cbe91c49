"""Other libraries' layer names in models/convnext.py's words."""

import re
from typing import Any

from keras_cnns.models.convnext import VARIANTS
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {
        name: {"convnext_xlarge": "ConvNeXtXLarge"}.get(name, f"ConvNeXt{name[9:].title()}") for name in VARIANTS
    },
    "torchvision": {name: name for name in VARIANTS if name != "convnext_xlarge"},
    "timm": {name: name for name in VARIANTS},
}
COLUMNS: dict[Any, dict[str, Any]] = {"torchvision": {}, "timm": {}}  # all follow the authors


def keras(net: Any) -> Rules:
    """Keras counts stages and blocks from 0, and puts the name of the model first."""
    return [
        (r"^convnext_[a-z]+_(?=stem|downsampling|stage|head)", ""),
        (r"^stem_layernorm$", "stem_norm"),
        (r"^downsampling_(layernorm|conv)_(\d)$", lambda m: f"stage{int(m[2]) + 2}_down_{_kind(m[1])}"),
        (r"^stage_(\d)_block_(\d+)_", lambda m: f"stage{int(m[1]) + 1}_block{int(m[2]) + 1}_"),
        (r"_layernorm$", "_norm"),
        (r"_pointwise_conv_1$", "_expand_conv"),
        (r"_pointwise_conv_2$", "_project_conv"),
        (r"_layer_scale$", "_scale"),
        (r"^head_dense$", "predictions"),
    ]


def _kind(word: str) -> str:
    return "norm" if word == "layernorm" else word


def torchvision(net: Any) -> Rules:
    """torchvision puts the stem, the stages and the layers between them into one list."""
    parts = {"0": "depthwise_conv", "2": "norm", "3": "expand_conv", "5": "project_conv"}

    def block(match: re.Match[str]) -> str:
        name = f"stage{int(match[1]) // 2 + 1}_block{int(match[2]) + 1}"
        return f"{name}_{parts[match[4]]}" if match[3] else f"{name}_scale/gamma"

    return [
        (r"^features\.0\.0$", "stem_conv"),
        (r"^features\.0\.1$", "stem_norm"),
        (r"^features\.([246])\.0$", lambda m: f"stage{int(m[1]) // 2 + 1}_down_norm"),
        (r"^features\.([246])\.1$", lambda m: f"stage{int(m[1]) // 2 + 1}_down_conv"),
        (r"^features\.([1357])\.(\d+)(\.block\.(\d))?$", block),
        (r"^classifier\.0$", "head_norm"),
        (r"^classifier\.2$", "predictions"),
    ]


def timm(net: Any) -> Rules:
    parts = {"conv_dw": "depthwise_conv", "norm": "norm", "mlp.fc1": "expand_conv", "mlp.fc2": "project_conv"}
    parts["mlp.grn"] = "grn"

    def block(match: re.Match[str]) -> str:
        name = f"stage{int(match[1]) + 1}_block{int(match[2]) + 1}"
        return f"{name}_{parts[match[4]]}" if match[3] else f"{name}_scale/gamma"

    return [
        (r"^stem\.0$", "stem_conv"),
        (r"^stem\.1$", "stem_norm"),
        (r"^stages\.(\d)\.downsample\.0$", lambda m: f"stage{int(m[1]) + 1}_down_norm"),
        (r"^stages\.(\d)\.downsample\.1$", lambda m: f"stage{int(m[1]) + 1}_down_conv"),
        (r"^stages\.(\d)\.blocks\.(\d+)(\.(.+))?$", block),
        (r"^head\.norm$", "head_norm"),
        (r"^head\.fc$", "predictions"),
    ]


NAMES = Names(PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm}, columns=COLUMNS)
