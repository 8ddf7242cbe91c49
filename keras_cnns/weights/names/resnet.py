"""Other libraries' layer names in models/resnet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

SAME = {name: name for name in ("resnet18", "resnet34")}
V1_5 = {f"resnet{depth}_v1_5": f"resnet{depth}" for depth in (50, 101, 152)}
PEERS = {
    "keras": {f"resnet{depth}": f"ResNet{depth}" for depth in (50, 101, 152)},
    "torchvision": SAME | V1_5,
    "timm": SAME | V1_5,
    "keras_hub": dict.fromkeys(SAME | V1_5, "ResNetBackbone"),
    "detectron2": {name: "ResNet" for name in [*SAME, *V1_5, *(f"resnet{depth}" for depth in (50, 101, 152))]},
    "transformers": dict.fromkeys([*SAME, *V1_5, *(f"resnet{depth}" for depth in (50, 101, 152))], "resnet"),
}


def keras(net: Any) -> Rules:
    """The authors' names, which are ours."""
    return []


def torchvision(net: Any) -> Rules:
    """Torch counts stages from 1 and blocks from 0, and calls the shortcut downsample."""
    return [
        (r"^(conv|bn)1$", r"conv1_\1"),
        (r"^fc$", "predictions"),
        (r"^layer(\d)\.(\d+)\.", lambda m: f"conv{int(m[1]) + 1}_block{int(m[2]) + 1}_"),
        (r"_(conv|bn)(\d)$", r"_\2_\1"),
        (r"_downsample\.0$", "_0_conv"),
        (r"_downsample\.1$", "_0_bn"),
        (r"_se\.fc1$", "_se_reduce_conv"),
        (r"_se\.fc2$", "_se_expand_conv"),
    ]


timm = torchvision


def keras_hub(net: Any) -> Rules:
    """KerasHub counts stages and blocks from 0."""
    return [(r"^stack(\d)_block(\d+)_", lambda m: f"conv{int(m[1]) + 2}_block{int(m[2]) + 1}_")]


def transformers(net: Any) -> Rules:
    """transformers counts stages, blocks and the convolutions of a block from 0."""
    return [
        (r"^(resnet\.)?embedder\.embedder\.(convolution|normalization)$", r"conv1.\2"),
        (r"^classifier\.1$", "predictions"),
        (
            r"^(?:resnet\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.",
            lambda m: f"conv{int(m[1]) + 2}_block{int(m[2]) + 1}.",
        ),
        (r"\.layer\.(\d)\.", lambda m: f"_{int(m[1]) + 1}."),
        (r"\.shortcut\.", "_0."),
        (r"\.convolution$", "_conv"),
        (r"\.normalization$", "_bn"),
    ]


def detectron2(net: Any) -> Rules:
    """detectron2 counts stages from 2 as the paper does, and blocks from 0."""
    return [
        (r"^stem\.conv1(\.norm)?$", lambda m: f"conv1_{'bn' if m[1] else 'conv'}"),
        (r"^(stem\.fc|linear)$", "predictions"),
        (r"^res(\d)\.(\d+)\.", lambda m: f"conv{m[1]}_block{int(m[2]) + 1}."),
        (r"\.(?:conv(\d)|shortcut)(\.norm)?$", lambda m: f"_{m[1] or 0}_{'bn' if m[2] else 'conv'}"),
    ]


RULES = {"keras": keras, "torchvision": torchvision, "timm": timm, "keras_hub": keras_hub}
RULES |= {"detectron2": detectron2, "transformers": transformers}
NAMES = Names(PEERS, RULES)
