"""Other libraries' layer names in models/efficientnet_v2.py's words."""

import re
from typing import Any

from keras_cnns.blocks.conv import Numerics
from keras_cnns.models.efficientnet_v2 import FUSED, VARIANTS, layers_per_stage
from keras_cnns.weights.names import inverted
from keras_cnns.weights.names.table import Names, Rules

LARGE = ("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l")
PEERS = {
    "keras": {name: f"EfficientNetV2{name.rsplit('_', 1)[1].upper()}" for name in VARIANTS},
    "torchvision": {name: name for name in LARGE},
    "timm": {name: f"tf_{name.replace('_v2', 'v2')}" for name in VARIANTS},
}
SYMMETRIC = Numerics(padding="symmetric", epsilon=1e-3, momentum=0.9)
COLUMNS: dict[str | tuple[str, str], dict[str, Any]] = {
    "torchvision": {"numerics": SYMMETRIC, "preprocessing": "torch"},
    ("torchvision", "efficientnet_v2_l"): {"numerics": SYMMETRIC, "preprocessing": "tf"},
    "timm": {},  # the authors' weights, carried over with TensorFlow's padding
    **{
        ("timm", name): {"preprocessing": "tf"} for name in (*LARGE, "efficientnet_v2_b3")
    },  # trained on ImageNet-21k first
}


def keras(net: Any) -> Rules:
    """Keras calls the blocks of a stage a, b, c."""
    return [
        (r"^top_", "last_"),
        (r"^(block\d[a-z]+)_dwconv2$", r"\1_depthwise_conv"),
        (r"^(block\d[a-z]+)_bn$", r"\1_depthwise_bn"),
        (r"_se_(reduce|expand)$", r"_se_\1_conv"),
        (r"^block(\d)(.)_", lambda m: f"stage{m[1]}_block{ord(m[2]) - ord('a') + 1}_"),
    ]


def torchvision(net: Any) -> Rules:
    return [
        *inverted.torchvision_ends(len(net.table) + 1),
        inverted.counted(r"^features\.(\d+)\.(\d+)\.block\.", layers_per_stage(net), first=1),
        _fused(net, {"0.0": "expand_conv", "0.1": "expand_bn", "1.0": "project_conv", "1.1": "project_bn"}),
        inverted.torchvision(blocks(net)),
    ]


def timm(net: Any) -> Rules:
    return [
        *inverted.TIMM_ENDS,
        inverted.counted(r"^blocks\.(\d+)\.(\d+)\.", layers_per_stage(net)),
        _fused(net, {"conv_exp": "expand_conv", "bn1": "expand_bn", "conv_pwl": "project_conv", "bn2": "project_bn"}),
        inverted.timm(blocks(net)),
    ]


def _fused(net: Any, parts: dict[str, str]) -> inverted.Rule:
    """A rule for the parts of fused blocks. A block that does not expand has one convolution, which projects."""
    fused = [(operator == FUSED, t != 1) for (operator, t, *_), n in _stages(net) for _ in range(n)]

    def replace(match: re.Match[str]) -> str:
        is_fused, expands = fused[int(match[1])]
        if not is_fused:
            return match[0]
        part = parts[match[2]] if expands else {"conv": "project_conv", "bn": "project_bn"}[_kind(match[2])]
        return f"{blocks(net)[int(match[1])][0]}_{part}"

    return (r"^#(\d+)\.(.+)$", replace)


def _kind(part: str) -> str:
    """ "conv" or "bn", of the first layer of a block: "conv" and "bn1" in timm, "0.0" and "0.1" in torchvision."""
    return {"conv": "conv", "bn1": "bn", "0.0": "conv", "0.1": "bn"}[part]


def _stages(net: Any) -> Any:
    return zip(net.table, layers_per_stage(net), strict=True)


def blocks(net: Any) -> list[inverted.Block]:
    """The blocks of a network, in order; those of fused stages have no squeeze-and-excitation."""
    return [
        (f"stage{stage}_block{i + 1}", t != 1, operator != FUSED and net.se_ratio > 0)
        for stage, ((operator, t, *_), n) in enumerate(_stages(net), start=1)
        for i in range(n)
    ]


NAMES = Names(PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm}, columns=COLUMNS)
