"""Other libraries' layer names in models/mobilenet_v2.py's words."""

from typing import Any

from keras_cnns.blocks.conv import Numerics
from keras_cnns.weights.names import inverted
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {"mobilenet_v2": "MobileNetV2"},
    "torchvision": {"mobilenet_v2": "mobilenet_v2"},
    "timm": {"mobilenet_v2": "mobilenetv2_100"},
    "transformers": {"mobilenet_v2": "mobilenet_v2"},
}
COLUMNS = {"transformers": {"numerics": Numerics(), "preprocessing": "tf"}}


def keras(net: Any) -> Rules:
    """Keras numbers the blocks from 0, through all stages."""
    return [
        (r"^Conv1$", "stem_conv"),
        (r"^bn_Conv1$", "stem_bn"),
        (r"^Conv_1$", "last_conv"),
        (r"^Conv_1_bn$", "last_bn"),
        (r"^expanded_conv_", "block_0_"),
        (r"^(block_\d+_[a-z]+)$", r"\1_conv"),
        (r"^(block_\d+_[a-z]+)_BN$", r"\1_bn"),
        (r"^block_(\d+)_", lambda m: f"{_blocks(net)[int(m[1])][0]}_"),
    ]


def torchvision(net: Any) -> Rules:
    """torchvision numbers the blocks from 1, through all stages."""
    blocks = _blocks(net)
    return [
        *inverted.torchvision_ends(len(blocks) + 1),
        (r"^features\.(\d+)\.conv\.", lambda m: f"#{int(m[1]) - 1}."),
        inverted.torchvision(blocks),
    ]


def timm(net: Any) -> Rules:
    return [
        *inverted.TIMM_ENDS,
        inverted.counted(r"^blocks\.(\d+)\.(\d+)\.", [n for _, _, n, _ in net.table]),
        inverted.timm(_blocks(net)),
    ]


def _blocks(net: Any) -> list[inverted.Block]:
    return inverted.stages([n for _, _, n, _ in net.table], [t for t, *_ in net.table], squeezes=False)


def transformers(net: Any) -> Rules:
    """In transformers the first block belongs to the stem, and the others are counted from 0."""
    parts = {"expand_1x1": "expand", "conv_3x3": "depthwise", "reduce_1x1": "project"}
    return [
        (r"^mobilenet_v2\.", ""),
        (r"^classifier$", "predictions"),
        (r"^conv_stem\.first_conv\.", "stem."),
        (r"^conv_1x1\.", "last."),
        (r"^conv_stem\.", "layer.-1."),
        (r"^layer\.(-?\d+)\.(\w+)\.", lambda m: f"{_blocks(net)[int(m[1]) + 1][0]}_{parts[m[2]]}."),
        (r"\.convolution$", "_conv"),
        (r"\.normalization$", "_bn"),
    ]


RULES = {"keras": keras, "torchvision": torchvision, "timm": timm, "transformers": transformers}
NAMES = Names(PEERS, RULES, columns=COLUMNS)
