"""torchvision's layer names in models/lr_aspp.py's words."""

from typing import Any

from keras_cnns.weights.names.deeplab_v3 import of_backbone
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"lr_aspp_mobilenet_v3_large": "lraspp_mobilenet_v3_large"}}


def torchvision(net: Any) -> Rules:
    return [
        (r"^classifier\.cbr\.0$", "high_conv"),
        (r"^classifier\.cbr\.1$", "high_bn"),
        (r"^classifier\.scale\.1$", "gate_conv"),
        (r"^classifier\.(low|high)_classifier$", r"score_\1"),
        *of_backbone(net),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
