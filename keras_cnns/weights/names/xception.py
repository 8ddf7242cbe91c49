"""Other libraries' layer names in models/xception.py's words."""

import re
from typing import Any

from keras_cnns.blocks.conv import TORCH
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {"xception": "Xception"},
    "timm": {"xception": "legacy_xception"},
    "keras_hub": {"xception": "XceptionBackbone"},
}
COLUMNS = {"timm": {"numerics": TORCH}}


def keras(net: Any) -> Rules:
    """Keras's names, but the shortcuts have none and are numbered."""
    first, last = range(2, 2 + len(net.entry)), 2 + len(net.entry) + len(net.middle)
    shortcuts = [f"block{i}_shortcut" for i in (*first, last)]
    return [
        (r"^(block\d+_(?:sep)?conv\d)$", r"\1_conv"),
        (r"^conv2d_(\d+)$", lambda m: f"{shortcuts[int(m[1])]}_conv"),
        (r"^batch_normalization_(\d+)$", lambda m: f"{shortcuts[int(m[1])]}_bn"),
    ]


def timm(net: Any) -> Rules:
    """Blocks are counted from 1 after the first two convolutions; their lists hold activations too, but the first."""
    last = 2 + len(net.entry) + len(net.middle) + 1

    def place(m: re.Match[str]) -> str:
        block, i = int(m[1]), int(m[2]) + (m[1] == "1")  # activation, convolution, normalization, again
        return f"block{block + 1}_sepconv{i // 3 + 1}" + (m[3] or "_bn")

    parts = {".conv1": "_conv/depthwise_kernel", ".pointwise": "_conv/pointwise_kernel"}
    return [
        (r"^(conv|bn)([12])$", r"block1_conv\2_\1"),
        (r"^(conv|bn)([34])", lambda m: f"block{last}_sepconv{int(m[2]) - 2}" + ("_bn" if m[1] == "bn" else "")),
        (r"^block(\d+)\.skip$", lambda m: f"block{int(m[1]) + 1}_shortcut_conv"),
        (r"^block(\d+)\.skipbn$", lambda m: f"block{int(m[1]) + 1}_shortcut_bn"),
        (r"^block(\d+)\.rep\.(\d+)(\..+)?$", place),
        (r"\.(conv1|pointwise)$", lambda m: parts[m[0]]),
        (r"^fc$", "predictions"),
    ]


def keras_hub(net: Any) -> Rules:
    """KerasHub calls the shortcut residual."""
    return [(r"^(block\d+_(?:sep)?conv\d)$", r"\1_conv"), (r"_residual_(conv|bn)$", r"_shortcut_\1")]


NAMES = Names(PEERS, {"keras": keras, "timm": timm, "keras_hub": keras_hub}, columns=COLUMNS)
