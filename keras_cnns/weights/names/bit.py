"""Other libraries' layer names in models/bit.py's words."""

from keras_cnns.weights.names import resnet_v2

PEERS = {
    "timm": {f"bit_r{size}": f"resnetv2_{size}_bit" for size in ("50x1", "50x3", "101x1", "101x3", "152x2", "152x4")}
}


def timm(net):
    """The same names as of its other ResNets v2."""
    return [*resnet_v2.timm(net), (r"_bn$", "_gn")]
