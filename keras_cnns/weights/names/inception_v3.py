"""Other libraries' layer names in models/inception_v3.py's words."""

from dataclasses import replace
from typing import Any

from keras_cnns.blocks.conv import TORCH
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {"inception_v3": "InceptionV3"},
    "torchvision": {"inception_v3": "inception_v3"},
    "timm": {"inception_v3": "inception_v3"},
}
COLUMNS = dict.fromkeys(("torchvision", "timm"), {"numerics": replace(TORCH, epsilon=1e-3), "preprocessing": "tf"})


def keras(net: Any) -> Rules:
    """Convolutions have no names there: they are numbered in the order in which Keras's function makes them."""
    names = ["conv1_1", "conv1_2", "conv1_3", "conv2_1", "conv2_2"]
    for module, branches in net.table.items():
        for branch, steps in branches.items():
            convs = [step for step in steps if step[0] not in ("max", "avg")]
            for i, step in enumerate(convs, start=1):
                name = f"mixed{module}_{branch}" + (f"_{i}" if len(convs) > 1 else "")
                names += [f"{name}a", f"{name}b"] if isinstance(step[0], tuple) else [name]
    return [
        (r"^conv2d_(\d+)$", lambda m: f"{names[int(m[1])]}_conv"),
        (r"^batch_normalization_(\d+)$", lambda m: f"{names[int(m[1])]}_bn"),
    ]


def torchvision(net: Any) -> Rules:
    """The authors' names, of TF-Slim; the auxiliary classifier is left out where the model has none."""
    stem = {"1a_3x3": "1_1", "2a_3x3": "1_2", "2b_3x3": "1_3", "3b_1x1": "2_1", "4a_3x3": "2_2"}
    return [
        (r"^AuxLogits\..*", r"\g<0>" if net.auxiliary else ""),
        (r"^AuxLogits\.conv(\d)\.", lambda m: f"aux_{int(m[1]) + 1}."),
        (r"^AuxLogits\.fc$", "aux_predictions"),
        (r"^Conv2d_(\w+)\.", lambda m: f"conv{stem[m[1]]}."),
        (r"^Mixed_(\w+)\.branch_?(\w+)\.", r"mixed\1_\2."),
        (r"\.(conv|bn)$", r"_\1"),
        (r"^fc$", "predictions"),
    ]


timm = torchvision


NAMES = Names(PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm}, columns=COLUMNS)
