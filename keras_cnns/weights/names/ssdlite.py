"""torchvision's layer names in models/ssdlite.py's words."""

from typing import Any

from keras_cnns.registry.registry import backbone
from keras_cnns.weights.names import mobilenet_v3
from keras_cnns.weights.names.ssd import HEADS
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"ssdlite320_mobilenet_v3_large": "ssdlite320_mobilenet_v3_large"}}
KINDS = {"0": "conv", "1": "bn"}
PARTS = ("reduce", "depthwise", "expand")
CUT = 13  # the block whose expansion is a level: torchvision ends the first half of the backbone behind it


def torchvision(net: Any) -> Rules:
    """The backbone is cut in two between the first convolution of block 13 and the rest of that block."""

    def extra(match: Any) -> str:
        return f"extra{int(match[1]) + 1}_{PARTS[int(match[2])]}_{KINDS[match[3]]}"

    def depthwise(match: Any) -> str:
        return f"depthwise_{HEADS[match[1]]}{int(match[2]) + 1}_{KINDS[match[3]]}"

    return [
        (r"^backbone\.extra\.(\d)\.(\d)\.([01])$", extra),
        (r"^head\.(\w+)_head\.module_list\.(\d)\.0\.([01])$", depthwise),
        (r"^head\.(\w+)_head\.module_list\.(\d)\.1$", lambda m: f"{HEADS[m[1]]}{int(m[2]) + 1}"),
        (rf"^backbone\.features\.0\.{CUT}\.", f"features.{CUT}.block.0."),
        (r"^backbone\.features\.0\.", "features."),
        (r"^backbone\.features\.1\.0\.", f"features.{CUT}.block."),
        (r"^backbone\.features\.1\.(\d)(?=\.)", lambda m: f"features.{CUT + int(m[1])}"),
        *mobilenet_v3.torchvision(backbone(net).variant),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
