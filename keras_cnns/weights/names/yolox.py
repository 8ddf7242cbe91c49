"""The authors' layer names in models/yolox.py's words. Their repository is Megvii-BaseDetection/YOLOX."""

from typing import Any

import numpy as np

from keras_cnns.models.yolox import VARIANTS
from keras_cnns.weights.names.table import Arrays, Names, Rules

UNIT = {"conv": "_conv", "bn": "_bn"}
PYRAMID = {
    "lateral_conv0": "lateral5",
    "C3_p4": "up4",
    "reduce_conv1": "lateral4",
    "C3_p3": "up3",
    "bu_conv2": "reduce4",
    "C3_n3": "down4",
    "bu_conv1": "reduce5",
    "C3_n4": "down5",
}
DARK = {"0": "_down", "1": "", "2": ""}  # of a stage: the strided convolution, pooling (dark5 only), the CSP blocks
BRANCH = {"cls": "classes", "reg": "boxes"}
SCORES = {"cls": "class_scores", "reg": "box_deltas", "obj": "objectness"}
SEPARABLE = {"dconv.": "_depthwise", "pconv.": "_pointwise", None: ""}


def authors(net: Any) -> Rules:
    """The authors count levels of the pyramid down, blocks and levels of the head from 0."""

    def stage(m: Any) -> str:
        level, part, rest = m[1], m[2], m[3]
        if level == "5" and part == "1":
            return f"stage5_spp{rest}"
        return f"stage{level}{DARK[part]}{rest}"

    return [
        # parts inside a block: a unit, or a depthwise and a pointwise one
        (r"\.(dconv\.|pconv\.)?(conv|bn)$", lambda m: f"{SEPARABLE[m[1]]}{UNIT[m[2]]}"),
        (r"\.m\.(\d+)\.conv([12])", lambda m: f"_block{int(m[1]) + 1}_{m[2]}"),
        (r"^(backbone\..*)\.conv([123])", r"\1_\2"),
        (r"^backbone\.backbone\.stem\.conv", "stem"),
        (r"^backbone\.backbone\.dark(\d)\.(\d)(.*)$", stage),
        (r"^backbone\.(\w+?_conv\d|C3_[pn]\d|bu_conv\d)", lambda m: f"pyramid_{PYRAMID[m[1]]}"),
        (r"^head\.stems\.(\d)", lambda m: f"head{int(m[1]) + 3}_stem"),
        (
            r"^head\.(cls|reg)_convs\.(\d)\.(\d)",
            lambda m: f"head{int(m[2]) + 3}_{BRANCH[m[1]]}_{int(m[3]) + 1}",
        ),
        (r"^head\.(cls|reg|obj)_preds\.(\d)$", lambda m: f"head{int(m[2]) + 3}_{SCORES[m[1]]}"),
    ]


def adapted(tensors: Arrays) -> Arrays:
    """The tensors, with the kernel after Focus as one of 6x6 pixels.

    Focus joins the pixels (0, 0), (1, 0), (0, 1) and (1, 1), counted (down, across), of each 2x2 as 4 times as many
    channels.
    """
    kernel = tensors.get("stem_conv/weight")
    if kernel is None or np.shape(kernel)[1] % 4 or np.shape(kernel)[2:] != (3, 3):
        return tensors
    filters, channels = kernel.shape[0], kernel.shape[1] // 4
    kernel = kernel.reshape(filters, 2, 2, channels, 3, 3)  # across, down, channel, row, column
    kernel = kernel.transpose(0, 3, 4, 2, 5, 1).reshape(filters, channels, 6, 6)
    return tensors | {"stem_conv/weight": kernel}


NAMES = Names(
    {"yolox": {name: name for name in VARIANTS if name != "yolox"}},
    {"yolox": authors},
    columns={"yolox": {}},
    adapted=adapted,
)
