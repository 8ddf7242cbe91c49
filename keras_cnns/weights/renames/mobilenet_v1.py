"""Other libraries' layer names in models/mobilenet_v1.py's words."""

PEERS = {"keras": {"mobilenet_v1": "MobileNet"}}


def keras(net):
    return [
        (r"^conv1$", "conv1_conv"),
        (r"^conv_(dw|pw)_(\d+)$", r"conv_\1_\2_conv"),
        (r"^conv_dw_(\d+)_(conv|bn)$", r"block\1_depthwise_\2"),
        (r"^conv_pw_(\d+)_(conv|bn)$", r"block\1_pointwise_\2"),
        (r"^conv_preds$", "predictions"),
    ]
