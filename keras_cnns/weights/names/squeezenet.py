"""Other libraries' layer names in models/squeezenet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {name: name for name in ("squeezenet1_0", "squeezenet1_1")}}


def torchvision(net: Any) -> Rules:
    """One list, in which the poolings count: conv1, its activation, a pooling, fire2 and so on."""
    at, position = {0: "conv1"}, 2
    for i in range(2, 2 + len(net.table)):
        position += i - 1 in net.pooled
        at[position] = f"fire{i}"
        position += 1
    return [
        (r"^features\.0$", "conv1_conv"),
        (r"^features\.(\d+)\.(\w+)$", lambda m: f"{at[int(m[1])]}_{m[2]}_conv"),
        (r"^classifier\.1$", "predictions"),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
