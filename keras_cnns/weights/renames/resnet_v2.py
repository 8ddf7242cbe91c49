"""Other libraries' layer names in models/resnet_v2.py's words."""

PEERS = {"keras": {f"resnet{depth}_v2": f"ResNet{depth}V2" for depth in (50, 101, 152)}}


def keras(net):
    """The authors' names, which are ours."""
    return []
