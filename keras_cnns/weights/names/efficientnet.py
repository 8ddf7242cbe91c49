"""Other libraries' layer names in models/efficientnet.py's words."""

from typing import Any

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.models.efficientnet import layers_per_stage
from keras_cnns.weights.names import inverted
from keras_cnns.weights.names.efficientnet_pytorch import rules
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {f"efficientnet_b{i}": f"EfficientNetB{i}" for i in range(8)},
    "torchvision": {f"efficientnet_b{i}": f"efficientnet_b{i}" for i in range(8)},
    "timm": {f"efficientnet_b{i}": f"efficientnet_b{i}" for i in range(8)},
    "efficientnet_pytorch": {f"efficientnet_b{i}": f"efficientnet-b{i}" for i in range(8)},
    "keras_hub": {f"efficientnet_b{i}": "EfficientNetBackbone" for i in range(8)},
    "transformers": {f"efficientnet_b{i}": "efficientnet" for i in range(8)},
}
LARGE = {"numerics": Numerics(padding="symmetric", epsilon=1e-3, momentum=0.99), "preprocessing": "torch"}
COLUMNS: dict[str | tuple[str, str], dict] = {
    "torchvision": {"numerics": TORCH, "preprocessing": "torch"},
    **{("torchvision", f"efficientnet_b{i}"): LARGE for i in (5, 6, 7)},
    "timm": {"numerics": TORCH, "preprocessing": "torch"},
    ("timm", "efficientnet_b1"): {"numerics": TORCH, "preprocessing": "tf"},
    "transformers": {"preprocessing": "torch"},  # TensorFlow's padding, as the authors
    "efficientnet_pytorch": {},  # the authors' weights, carried over with TensorFlow's padding
}


def keras(net: Any) -> Rules:
    """Keras calls stage 2 block 1, and its blocks a, b, c."""
    return [
        (r"^top_", "last_"),
        (r"^(block\d[a-z])_dwconv$", r"\1_depthwise_conv"),
        (r"^(block\d[a-z])_bn$", r"\1_depthwise_bn"),
        (r"_se_(reduce|expand)$", r"_se_\1_conv"),
        (r"^block(\d)([a-z])_", lambda m: f"stage{int(m[1]) + 1}_block{ord(m[2]) - ord('a') + 1}_"),
    ]


def torchvision(net: Any) -> Rules:
    return [
        *inverted.torchvision_ends(len(net.table) + 1),
        inverted.counted(r"^features\.(\d+)\.(\d+)\.block\.", layers_per_stage(net), first=1),
        inverted.torchvision(blocks(net)),
    ]


def timm(net: Any) -> Rules:
    return [
        *inverted.TIMM_ENDS,
        inverted.counted(r"^blocks\.(\d+)\.(\d+)\.", layers_per_stage(net)),
        inverted.timm(blocks(net)),
    ]


def efficientnet_pytorch(net: Any) -> Rules:
    return rules(blocks(net))


def blocks(net: Any) -> list[inverted.Block]:
    """The blocks of a network, in order. The stages of the paper's table begin with the second."""
    ratios = [t for t, *_ in net.table]
    return inverted.stages(layers_per_stage(net), ratios, squeezes=net.se_ratio > 0, first=2)


def keras_hub(net: Any) -> Rules:
    """KerasHub calls stage 2 block 1, and its blocks a, b, c, as keras.applications does."""
    return [
        (r"^top_", "last_"),
        (r"_dwconv$", "_depthwise_conv"),
        (r"_dwconv_bn$", "_depthwise_bn"),
        (r"_se_(reduce|expand)$", r"_se_\1_conv"),
        (r"_project$", "_project_conv"),
        (r"^block(\d)([a-z])_", lambda m: f"stage{int(m[1]) + 1}_block{ord(m[2]) - ord('a') + 1}_"),
    ]


def transformers(net: Any) -> Rules:
    """transformers counts the blocks without stages, from 0, and has BN in the names of the depthwise layers' norms."""
    parts = {"expansion": "", "depthwise_conv": "", "squeeze_excite": "se_", "projection": ""}
    return [
        (r"^efficientnet\.", ""),
        (r"^classifier$", "predictions"),
        (r"^embeddings\.convolution$", "stem_conv"),
        (r"^embeddings\.batchnorm$", "stem_bn"),
        (r"^encoder\.top_", "last_"),
        (
            r"^encoder\.blocks\.(\d+)\.(\w+)\.(\w+)$",
            lambda m: f"{blocks(net)[int(m[1])][0]}_{parts[m[2]]}{m[3]}{'_conv' if m[2] == 'squeeze_excite' else ''}",
        ),
        (r"_depthwise_norm$", "_depthwise_bn"),
    ]


RULES = {
    "transformers": transformers,
    "keras": keras,
    "torchvision": torchvision,
    "timm": timm,
    "efficientnet_pytorch": efficientnet_pytorch,
    "keras_hub": keras_hub,
}
NAMES = Names(PEERS, RULES, columns=COLUMNS)
