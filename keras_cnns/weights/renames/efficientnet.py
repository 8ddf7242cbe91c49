"""Other libraries' layer names in models/efficientnet.py's words."""

PEERS = {"keras": {f"efficientnet_b{i}": f"EfficientNetB{i}" for i in range(8)}}


def keras(net):
    """Keras calls stage 2 block 1, and its blocks a, b, c."""
    return [
        (r"^top_", "last_"),
        (r"^(block\d[a-z])_dwconv$", r"\1_depthwise_conv"),
        (r"^(block\d[a-z])_bn$", r"\1_depthwise_bn"),
        (r"_se_(reduce|expand)$", r"_se_\1_conv"),
        (r"^block(\d)([a-z])_", lambda m: f"stage{int(m[1]) + 1}_block{ord(m[2]) - ord('a') + 1}_"),
    ]
