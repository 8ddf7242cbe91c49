"""Other libraries' layer names in models/squeezenet.py's words."""

PEERS = {"torchvision": {name: name for name in ("squeezenet1_0", "squeezenet1_1")}}


def torchvision(net):
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
