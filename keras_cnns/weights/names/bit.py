"""Other libraries' layer names in models/bit.py's words."""

from typing import Any

from keras_cnns.weights.names import resnet_v2
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "timm": {f"bit_r{size}": f"resnetv2_{size}_bit" for size in ("50x1", "50x3", "101x1", "101x3", "152x2", "152x4")}
}


def timm(net: Any) -> Rules:
    """The same names as of its other ResNets v2."""
    return [*resnet_v2.timm(net), (r"_bn$", "_gn")]


NAMES = Names(PEERS, {"timm": timm})
