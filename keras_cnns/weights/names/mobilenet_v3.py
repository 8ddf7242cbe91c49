"""Other libraries' layer names in models/mobilenet_v3.py's words."""

import re
from itertools import groupby
from typing import Any

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.weights.names import inverted
from keras_cnns.weights.names.table import Names, Rules

PEERS = {
    "keras": {
        "mobilenet_v3_small": "MobileNetV3Small",
        "mobilenet_v3_large": "MobileNetV3Large",
        "mobilenet_v3_small_minimalistic": "MobileNetV3Small(minimalistic=True)",
        "mobilenet_v3_large_minimalistic": "MobileNetV3Large(minimalistic=True)",
    },
    "torchvision": {
        "mobilenet_v3_small": "mobilenet_v3_small",
        "mobilenet_v3_large": "mobilenet_v3_large",
    },
    "timm": {
        "mobilenet_v3_small": "mobilenetv3_small_100",
        "mobilenet_v3_large": "mobilenetv3_large_100",
        "mobilenet_v3_small_minimalistic": "tf_mobilenetv3_small_minimal_100",
        "mobilenet_v3_large_minimalistic": "tf_mobilenetv3_large_minimal_100",
    },
    "keras_hub": {name: "MobileNetBackbone" for name in ("mobilenet_v3_small", "mobilenet_v3_large")},
}
COLUMNS = {
    "torchvision": {
        "numerics": Numerics(padding="symmetric", epsilon=1e-3, momentum=0.99),
        "preprocessing": "torch",
    },
    "timm": {"numerics": TORCH, "preprocessing": "torch"},
    ("timm", "mobilenet_v3_small_minimalistic"): {},  # trained by the authors, with TensorFlow
    ("timm", "mobilenet_v3_large_minimalistic"): {},
}


def keras(net: Any) -> Rules:
    """Keras numbers the blocks from 0 and leaves the first one's number out; its files are older than these names."""
    return [
        (r"^(Conv|expanded_conv|Logits).*", lambda m: m[0].lower().replace("_batchnorm", "_bn")),
        (r"^conv$", "stem_conv"),
        (r"^conv_bn$", "stem_bn"),
        (r"^conv_1(_bn)?$", lambda m: "last" + (m[1] or "_conv")),
        (r"^conv_2$", "head"),
        (r"^logits$", "predictions"),
        (r"^expanded_conv_(?!\d)", "expanded_conv_0_"),
        (r"_squeeze_excite_conv$", "_se_reduce_conv"),
        (r"_squeeze_excite_conv_1$", "_se_expand_conv"),
        (r"^(expanded_conv_\d+_(expand|depthwise|project))$", r"\1_conv"),
        (r"^expanded_conv_(\d+)_", lambda m: f"block{int(m[1]) + 1}_"),
    ]


def torchvision(net: Any) -> Rules:
    blocks = _blocks(net)
    return [
        *inverted.torchvision_ends(len(blocks) + 1)[:-1],
        (r"^classifier\.0$", "head"),
        (r"^classifier\.3$", "predictions"),
        (r"^features\.(\d+)\.block\.", lambda m: f"#{int(m[1]) - 1}."),
        inverted.torchvision(blocks),
    ]


def timm(net: Any) -> Rules:
    """timm's stages begin where the channels change; the last convolution is a stage of its own."""
    depths = [len(list(rows)) for _, rows in groupby(out for _, _, out, *_ in net.table)]
    return [
        (rf"^blocks\.{len(depths)}\.0\.conv$", "last_conv"),
        (rf"^blocks\.{len(depths)}\.0\.bn1$", "last_bn"),
        (r"^conv_head$", "head"),
        *inverted.TIMM_ENDS,
        inverted.counted(r"^blocks\.(\d+)\.(\d+)\.", depths),
        inverted.timm(_blocks(net)),
    ]


def _blocks(net: Any) -> list[inverted.Block]:
    channels = [net.stem] + [out for _, _, out, *_ in net.table]
    return [
        (f"block{i}", exp_size != channels[i - 1], se and not net.minimalistic)
        for i, (_, exp_size, _, se, *_) in enumerate(net.table, start=1)
    ]


def keras_hub(net: Any) -> Rules:
    """KerasHub has timm's stages. The first one, which does not expand, is a layer of another class."""
    depths = [len(list(rows)) for _, rows in groupby(out for _, _, out, *_ in net.table)]
    ours = {"conv1": "expand_conv", "bn1": "expand_bn", "conv2": "depthwise_conv", "bn2": "depthwise_bn"}
    ours |= {"conv3": "project_conv", "bn3": "project_bn"}
    ours |= {"se_conv_reduce": "se_reduce_conv", "se_conv_expand": "se_expand_conv"}
    first = {"conv1": "depthwise_conv", "bn1": "depthwise_bn", "conv2": "project_conv", "bn2": "project_bn"}
    first |= {"squeeze_excite_conv_reduce": "se_reduce_conv", "squeeze_excite_conv_expand": "se_expand_conv"}

    def block(match: re.Match[str]) -> str:
        stage, i = int(match[1]), int(match[2])
        part = ours[match[3]] if stage else first[match[3]]
        return f"block{sum(depths[:stage]) + i + 1}_{part}"

    return [
        (r"^input_conv$", "stem_conv"),
        (r"^input_batch_norm$", "stem_bn"),
        (rf"^block_{len(depths)}_0_(conv|bn)$", r"last_\1"),
        (r"^classifier_conv$", "head"),
        (r"^block_(\d+)_(\d+)_(\w+)$", block),
    ]


NAMES = Names(
    PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm, "keras_hub": keras_hub}, columns=COLUMNS
)
