"""torchvision's layer names in models/retinanet.py's words."""

from typing import Any

from keras_cnns.family.head import level_number
from keras_cnns.weights.names import resnet
from keras_cnns.weights.names.table import Names, Rules

PEERS = {"torchvision": {"retinanet_resnet50_fpn": "retinanet_resnet50_fpn"}}


def torchvision(net: Any) -> Rules:
    """torchvision's published file is older than its present names: conv.2, the second layer, is now conv.1.0."""
    first = level_number(net.levels[0])
    heads = {"classification": "class", "regression": "box"}
    return [
        (r"^backbone\.fpn\.inner_blocks\.(\d)(\.0)?$", lambda m: f"fpn_inner{int(m[1]) + first}"),
        (r"^backbone\.fpn\.layer_blocks\.(\d)(\.0)?$", lambda m: f"fpn_outer{int(m[1]) + first}"),
        (r"^backbone\.fpn\.extra_blocks\.p(\d)$", r"fpn_outer\1_conv"),
        (r"^head\.(\w+)_head\.conv\.(\d)\.0$", lambda m: f"{heads[m[1]]}_tower{int(m[2]) + 1}"),
        (r"^head\.(\w+)_head\.conv\.(\d)$", lambda m: f"{heads[m[1]]}_tower{int(m[2]) // 2 + 1}"),
        (r"^head\.classification_head\.cls_logits$", "class_scores"),
        (r"^head\.regression_head\.bbox_reg$", "box_deltas"),
        (r"^backbone\.body\.", ""),
        *resnet.torchvision(net),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision})
