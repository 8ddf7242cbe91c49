"""Other libraries' layer names in models/alexnet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"alexnet_v2": "alexnet"}}


def torchvision(net: Any) -> Rules:
    """One list, numbered through with its activations and poolings."""
    features, classifier = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}, {1: "fc6", 4: "fc7", 6: "predictions"}
    return [
        (r"^features\.(\d+)$", lambda m: f"conv{features[int(m[1])]}_conv"),
        (r"^classifier\.(\d)$", lambda m: classifier[int(m[1])]),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
