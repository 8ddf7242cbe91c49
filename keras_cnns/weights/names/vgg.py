"""Other libraries' layer names in models/vgg.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

SAME = {name: name for depth in (11, 13, 16, 19) for name in (f"vgg{depth}", f"vgg{depth}_bn")}
PEERS = {
    "keras": {"vgg16": "VGG16", "vgg19": "VGG19"},
    "torchvision": SAME,
    "timm": SAME,
    "keras_hub": {"vgg16": "VGGBackbone", "vgg19": "VGGBackbone"},
}


def keras(net: Any) -> Rules:
    return [
        (r"^block(\d)_conv(\d)$", r"conv\1_\2_conv"),
        (r"^fc([12])$", lambda m: f"fc{int(m[1]) + 5}"),
    ]


def torchvision(net: Any) -> Rules:
    """One list, numbered through: convolution, [normalization,] activation; pooling."""
    at, layer = {}, 0
    for block, depth in enumerate(net.depths, start=1):
        for i in range(1, depth + 1):
            at[layer] = f"conv{block}_{i}_conv"
            if net.batch_norm:
                at[layer + 1] = f"conv{block}_{i}_bn"
            layer += 3 if net.batch_norm else 2
        layer += 1
    return [
        (r"^features\.(\d+)$", lambda m: at[int(m[1])]),
        (r"^classifier\.0$", "fc6"),
        (r"^classifier\.3$", "fc7"),
        (r"^classifier\.6$", "predictions"),
    ]


def timm(net: Any) -> Rules:
    """torchvision's, but fc6 and fc7 are convolutions."""
    return [
        (r"^pre_logits\.fc1$", "fc6"),
        (r"^pre_logits\.fc2$", "fc7"),
        (r"^head\.fc$", "predictions"),
        *torchvision(net),
    ]


def keras_hub(net: Any) -> Rules:
    """KerasHub has the names of keras.applications."""
    return keras(net)


NAMES = Names(PEERS, {"keras": keras, "torchvision": torchvision, "timm": timm, "keras_hub": keras_hub})
