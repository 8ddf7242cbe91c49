"""torchvision's layer names in models/fcn.py's words."""

from typing import Any

from keras_cnns.weights.names import resnet
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"fcn_resnet50": "fcn_resnet50(aux_loss=True)"}}


def torchvision(net: Any) -> Rules:
    """The second classifier, on an earlier stage, is gone at inference."""
    return [
        (r"^aux_classifier\..*", ""),
        (r"^classifier\.0$", "neck_conv"),
        (r"^classifier\.1$", "neck_bn"),
        (r"^classifier\.4$", "score"),
        (r"^backbone\.", ""),
        *resnet.torchvision(net),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
