"""torchvision's layer names in models/deeplab_v3.py's words."""

from typing import Any

from keras_cnns.registry.registry import backbone
from keras_cnns.weights.names import mobilenet_v3, resnet
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "torchvision": {
        "deeplab_v3_resnet50": "deeplabv3_resnet50(aux_loss=True)",
        "deeplab_v3_resnet101": "deeplabv3_resnet101(aux_loss=True)",
        "deeplab_v3_mobilenet_v3_large": "deeplabv3_mobilenet_v3_large(aux_loss=True)",
    }
}
KINDS = {"0": "conv", "1": "bn"}


def torchvision(net: Any) -> Rules:
    """The second classifier, on an earlier stage, is gone at inference."""
    mean = len(net.rates) + 1  # the number of the pooling among the parts of the pyramid
    return [
        (r"^aux_classifier\..*", ""),
        (rf"^classifier\.0\.convs\.{mean}\.([12])$", lambda m: f"aspp_mean_{KINDS[str(int(m[1]) - 1)]}"),
        (r"^classifier\.0\.convs\.(\d+)\.([01])$", lambda m: f"aspp{m[1]}_{KINDS[m[2]]}"),
        (r"^classifier\.0\.project\.([01])$", lambda m: f"aspp_project_{KINDS[m[1]]}"),
        (r"^classifier\.1$", "neck_conv"),
        (r"^classifier\.2$", "neck_bn"),
        (r"^classifier\.4$", "score"),
        *of_backbone(net),
    ]


def of_backbone(net: Any) -> Rules:
    """The rules of torchvision's backbone, which is a part called "backbone"."""
    if net.backbone.startswith("resnet"):
        return [(r"^backbone\.", ""), *resnet.torchvision(net)]
    return [(r"^backbone\.", "features."), *mobilenet_v3.torchvision(backbone(net).variant)]


NAMES = Names(PEERS, {"torchvision": torchvision})
