"""Other libraries' layer names in models/inception_resnet.py's words."""

import re
from collections.abc import Iterator
from typing import Any

from keras_cnns.blocks.conv import Numerics
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {"inception_resnet_v2": "InceptionResNetV2"},
    "timm": {"inception_resnet_v2": "inception_resnet_v2"},
}
COLUMNS = {"timm": {"numerics": Numerics(momentum=0.9)}}
STEM = ["conv1_1", "conv1_2", "conv1_3", "conv2_1", "conv2_2"]


def modules(net: Any) -> Iterator[Any]:
    """Every module and its branches, in turn."""
    yield "mixed5b", net.entry
    for level, (reduction, name, branches, count, _) in enumerate(net.table, start=3):
        if reduction:
            yield f"mixed{level + 2}a", reduction
        yield from ((f"{name}_{i}", branches) for i in range(1, count + 1))


def convs(name: str, branch: str, steps: Any) -> list[str]:
    """Our names of the convolutions of one branch."""
    number = sum(step[0] not in ("max", "avg") for step in steps)
    return [f"{name}_{branch}_{i}" for i in range(1, number + 1)] if number > 1 else [f"{name}_{branch}"] * number


def keras(net: Any) -> Rules:
    """Most convolutions have no names there: they are numbered in the order in which Keras's function makes them."""
    names = STEM + [c for name, table in modules(net) for branch in table for c in convs(name, branch, table[branch])]
    return [
        (r"^conv2d_(\d+)$", lambda m: f"{names[int(m[1])]}_conv"),
        (r"^batch_normalization_(\d+)$", lambda m: f"{names[int(m[1])]}_bn"),
        (r"^(block\d+_\d+)_conv$", r"\1_up_conv"),
        (r"^conv_7b$", "conv7b_conv"),
        (r"^conv_7b_bn$", "conv7b_bn"),
    ]


def timm(net: Any) -> Rules:
    """Branches and their parts are numbered; the last block stands alone."""
    tables = dict(modules(net))
    stem = dict(zip(("1a", "2a", "2b", "3b", "4a", "7b"), [*STEM, "conv7b"], strict=True))
    last = net.table[-1][3]

    def branch(m: re.Match[str]) -> str:
        own = list(tables[m[1]])[int(m[2])]
        candidates, number = convs(m[1], own, tables[m[1]][own]), int(m[3] or 0)
        return candidates[number if len(candidates) > 1 else 0] + "."

    return [
        (r"^conv2d_(\w\w)\.", lambda m: f"{stem[m[1]]}."),
        (r"^mixed_(\w\w)\.", r"mixed\1."),
        (r"^repeat\.(\d+)\.", lambda m: f"block35_{int(m[1]) + 1}."),
        (r"^repeat_1\.(\d+)\.", lambda m: f"block17_{int(m[1]) + 1}."),
        (r"^repeat_2\.(\d+)\.", lambda m: f"block8_{int(m[1]) + 1}."),
        (r"^block8\.", f"block8_{last}."),
        (r"^(block\d+_\d+)\.conv2d$", r"\1_up_conv"),
        (r"^(\w+)\.branch(\d)\.(?:(\d)\.)?", branch),
        (r"\.(conv|bn)$", r"_\1"),
        (r"^classif$", "predictions"),
    ]


NAMES = Names(PEERS, {"keras": keras, "timm": timm}, columns=COLUMNS)
