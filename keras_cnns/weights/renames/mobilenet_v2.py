"""Other libraries' layer names in models/mobilenet_v2.py's words."""

PEERS = {"keras": {"mobilenet_v2": "MobileNetV2"}}


def keras(net):
    """Keras numbers the blocks from 0, through all stages."""
    blocks = [f"stage{stage}_block{i + 1}" for stage, (_, _, n, _) in enumerate(net.table, start=1) for i in range(n)]
    return [
        (r"^Conv1$", "stem_conv"),
        (r"^bn_Conv1$", "stem_bn"),
        (r"^Conv_1$", "last_conv"),
        (r"^Conv_1_bn$", "last_bn"),
        (r"^expanded_conv_", "block_0_"),
        (r"^(block_\d+_[a-z]+)$", r"\1_conv"),
        (r"^(block_\d+_[a-z]+)_BN$", r"\1_bn"),
        (r"^block_(\d+)_", lambda m: f"{blocks[int(m[1])]}_"),
    ]
