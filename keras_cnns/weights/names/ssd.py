"""torchvision's layer names in models/ssd.py's words."""

from typing import Any

from keras_cnns.registry.registry import backbone
from keras_cnns.weights.names import vgg
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"ssd300_vgg16": "ssd300_vgg16"}}
HEADS = {"classification": "class_scores", "regression": "box_deltas"}
LAST_BLOCK = {"1": "conv5_1_conv", "3": "conv5_2_conv", "5": "conv5_3_conv", "7.1": "fc6_conv", "7.3": "fc7_conv"}


def torchvision(net: Any) -> Rules:
    """VGG's last block and fc6, fc7 are the first of torchvision's additional levels."""
    return [
        (r"^backbone$", "first_scale/gamma"),
        (r"^backbone\.extra\.0\.([\d.]+)$", lambda m: LAST_BLOCK[m[1]]),
        (r"^backbone\.extra\.(\d)\.0$", r"extra\1_reduce_conv"),
        (r"^backbone\.extra\.(\d)\.2$", r"extra\1_conv_conv"),
        (r"^head\.(\w+)_head\.module_list\.(\d)$", lambda m: f"{HEADS[m[1]]}{int(m[2]) + 1}"),
        (r"^backbone\.", ""),
        *vgg.torchvision(backbone(net).variant)[:1],
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
