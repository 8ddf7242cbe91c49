"""Other libraries' layer names in models/googlenet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"googlenet_bn": "googlenet"}}
COLUMNS = {"torchvision": {"preprocessing": "tf"}}  # it turns the usual normalization into this one itself


def torchvision(net: Any) -> Rules:
    """Branches are numbered; a model without auxiliary classifiers leaves out those of the published weights."""
    return [
        (r"^aux\d.*", r"\g<0>" if net.auxiliary else ""),
        (r"^(aux\d)\.conv\.(conv|bn)$", r"\1_\2"),
        (r"^(aux\d)\.fc1$", r"\1_fc"),
        (r"^(aux\d)\.fc2$", r"\1_predictions"),
        (r"^conv2\.", "conv2_reduce."),
        (r"^conv3\.", "conv2."),
        (r"\.branch1\.", "_1x1."),
        (r"\.branch2\.(\d)\.", lambda m: f"_3x3_{int(m[1]) + 1}."),
        (r"\.branch3\.(\d)\.", lambda m: f"_5x5_{int(m[1]) + 1}."),
        (r"\.branch4\.1\.", "_pool."),
        (r"\.(conv|bn)$", r"_\1"),
        (r"^fc$", "predictions"),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision}, columns=COLUMNS)
