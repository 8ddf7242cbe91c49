"""Other libraries' layer names in models/mnasnet.py's words."""

from typing import Any

from keras_cnns.models.efficientnet import layers_per_stage
from keras_cnns.weights.names import inverted
from keras_cnns.weights.names.efficientnet import blocks, timm
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"mnasnet_100": "mnasnet1_0"}, "timm": {"mnasnet_100": "mnasnet_100"}}


def torchvision(net: Any) -> Rules:
    """One list: stem, the first stage's two convolutions, the other stages, the end. Activations are counted too."""
    depths = layers_per_stage(net)
    last = 7 + len(depths)
    parts = {f"{3 * i + j}": f"{i}.{j}" for i in range(3) for j in range(2)}
    return [
        (r"^layers\.0$", "stem_conv"),
        (r"^layers\.1$", "stem_bn"),
        (r"^layers\.([3467])$", lambda m: f"#0.{parts[str(int(m[1]) - 3)]}"),
        (rf"^layers\.{last}$", "last_conv"),
        (rf"^layers\.{last + 1}$", "last_bn"),
        (r"^classifier\.1$", "predictions"),
        inverted.counted(r"^layers\.(\d+)\.(\d+)\.layers\.", depths, first=7),
        (r"^#([1-9]\d*)\.(\d)$", lambda m: f"#{m[1]}.{parts[m[2]]}"),
        inverted.torchvision(blocks(net)),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision, "timm": timm})
