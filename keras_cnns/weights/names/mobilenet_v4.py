"""timm's layer names in models/mobilenet_v4.py's words."""

from typing import Any

from keras_cnns.models.mobilenet_v4 import VARIANTS
from keras_cnns.weights.names.table import Names, Rules

PARTS = {"dw_start": "_first", "pw_exp": "_expand", "dw_mid": "_second", "pw_proj": "_project"}
FUSED = {"conv_exp": "_expand_conv", "bn1": "_expand_bn", "conv_pwl": "_project_conv", "bn2": "_project_bn"}
CONV = {"conv": "_conv", "bn1": "_bn"}


def timm(net: Any) -> Rules:
    """timm counts stages and blocks from 0."""

    def block(m: Any) -> str:
        stage, i = int(m[1]), int(m[2])
        name, (part, _, kind) = f"stage{stage + 1}_block{i + 1}", m[3].partition(".")
        if kind:
            return f"{name}{PARTS[part]}_{kind}"
        return name + (FUSED if net.table[stage][i][0] == "FusedIB" else CONV)[part]

    return [
        (r"^conv_stem$", "stem_conv"),
        (r"^bn1$", "stem_bn"),
        (r"^blocks\.(\d)\.(\d+)\.(.+)$", block),
        (r"^conv_head$", "head_conv"),
        (r"^norm_head$", "head_bn"),
        (r"^classifier$", "predictions"),
    ]


NAMES = Names({"timm": {name: name.replace("_v4", "v4") for name in VARIANTS}}, {"timm": timm}, columns={"timm": {}})
