"""torchvision's layer names in models/fpn.py's words."""

from typing import Any

from keras_cnns.weights.names import resnet
from keras_cnns.weights.names.table import Arrays, Names, Rules

PEERS = {"torchvision": {"faster_rcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn"}}


def torchvision(net: Any) -> Rules:
    """torchvision's published files are older than its present names: inner_blocks.0 is now inner_blocks.0.0."""
    return [
        (r"^backbone\.fpn\.inner_blocks\.(\d)(\.0)?$", lambda m: f"fpn_inner{int(m[1]) + 2}"),
        (r"^backbone\.fpn\.layer_blocks\.(\d)(\.0)?$", lambda m: f"fpn_outer{int(m[1]) + 2}"),
        (r"^rpn\.head\.conv(\.0\.0)?$", "rpn"),
        (r"^rpn\.head\.cls_logits$", "rpn_objectness"),
        (r"^rpn\.head\.bbox_pred$", "rpn_deltas"),
        (r"^roi_heads\.box_head\.(fc[67])$", r"\1"),
        (r"^roi_heads\.box_predictor\.cls_score$", "class_scores"),
        (r"^roi_heads\.box_predictor\.bbox_pred$", "box_deltas"),
        (r"^backbone\.body\.", ""),
        *resnet.torchvision(net),
    ]


def adapted(tensors: Arrays) -> Arrays:
    """The tensors without the deltas of the background, which torchvision has and never uses."""
    return {path: value[4:] if path.startswith("box_deltas/") else value for path, value in tensors.items()}


NAMES = Names(PEERS, {"torchvision": torchvision}, adapted=adapted)
