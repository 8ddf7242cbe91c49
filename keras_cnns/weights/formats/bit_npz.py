"""The .npz files in which the authors of BiT published their weights, as a torch file would name their arrays."""

import re
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile

PLACES: list[tuple[str, Any]] = [  # TensorFlow's names -> timm's
    (r"^resnet/root_block/standardized_conv2d$", "stem.conv"),
    (r"^resnet/group_norm$", "norm"),
    (r"^resnet/head/conv2d$", "head.fc"),
    (r"^resnet/block(\d)/unit(\d+)/", lambda m: f"stages.{int(m[1]) - 1}.blocks.{int(m[2]) - 1}."),
    (r"\.a/proj/standardized_conv2d$", ".downsample.conv"),
    (r"\.([abc])/standardized_conv2d$", lambda m: f".conv{'abc'.index(m[1]) + 1}"),
    (r"\.([abc])/group_norm$", lambda m: f".norm{'abc'.index(m[1]) + 1}"),
]
VARIABLES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def is_bit(entries: list[str]) -> bool:
    """Whether a zip archive with these entries has BiT's arrays."""
    return "resnet/root_block/standardized_conv2d/kernel.npy" in entries


def read(path: Any) -> dict[str, Any]:
    """{timm's name: array} with kernels in torch's order.

    Raises:
      UserError: an array has another name or form than those that the authors published.
    """
    arrays = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            layer, _, variable = name.rpartition("/")
            for pattern, replacement in PLACES:
                layer = re.sub(pattern, replacement, layer)
            value = file[name]
            if "/" in layer or variable not in VARIABLES or (variable == "kernel") != (value.ndim == 4):
                raise UnreadableFile(f"{path} has {name} of shape {value.shape}, which BiT's files do not have.")
            array = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.reshape(-1)
            arrays[f"{layer}.{VARIABLES[variable]}"] = array
    return arrays
