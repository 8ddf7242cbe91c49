"""The names of the efficientnet_pytorch and efficientnet_lite_pytorch packages in models/efficientnet.py's words."""

from keras_cnns.weights.names.inverted import Block
from keras_cnns.weights.names.table import Rules

PARTS = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise_conv",
    "_bn1": "depthwise_bn",
    "_se_reduce": "se_reduce_conv",
    "_se_expand": "se_expand_conv",
    "_project_conv": "project_conv",
    "_bn2": "project_bn",
}


def rules(blocks: list[Block]) -> Rules:
    """The rules for the blocks of a network. These packages number the blocks without stages."""
    return [
        (r"^_conv_stem$", "stem_conv"),
        (r"^_bn0$", "stem_bn"),
        (r"^_conv_head$", "last_conv"),
        (r"^_bn1$", "last_bn"),
        (r"^_fc$", "predictions"),
        (r"^_blocks\.(\d+)\.(\w+)$", lambda m: f"{blocks[int(m[1])][0]}_{PARTS[m[2]]}"),
    ]
