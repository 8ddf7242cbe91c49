"""The weights of an EfficientNet of ours under the names of the efficientnet_pytorch package and its Lite sister."""

import numpy as np

from keras_cnns.weights.names.efficientnet_pytorch import PARTS

ENDS = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "last_conv": "_conv_head", "last_bn": "_bn1"}
ENDS |= {"predictions": "_fc"}
NORMS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def state(model):
    """{name: array}, kernels with torch's axes."""
    theirs, results = {ours: part for part, ours in PARTS.items()}, {}
    blocks = list(dict.fromkeys(n.name.rsplit("_", 2)[0] for n in model.layers if n.name.endswith("depthwise_conv")))
    for variable in model.weights:
        layer, name = variable.path.split("/")
        if layer.startswith("normalization"):
            continue
        block, *part = layer.rsplit("_", 2)
        where = ENDS.get(layer) or f"_blocks.{blocks.index(block)}.{theirs['_'.join(part)]}"
        value = variable.numpy()
        if value.ndim == 4:
            value = value.transpose((2, 3, 0, 1) if "_depthwise" in where else (3, 2, 0, 1))
        word = NORMS.get(name, "weight" if name == "kernel" else name)
        results[f"{where}.{word}"] = np.ascontiguousarray(value.T if value.ndim == 2 else value)
    return results
