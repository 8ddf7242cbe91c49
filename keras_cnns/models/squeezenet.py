"""SqueezeNet. Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer ...", 1602.07360, Table 1.

1.1 is the authors' cheaper revision (github.com/forresti/SqueezeNet): a smaller stem, and pooling earlier.
"""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper(
    "Iandola et al.",
    2016,
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    "1602.07360",
)

# fire2 .. fire9: s1x1 (squeeze), e1x1, e3x3 (expand)
TABLE_1 = (
    (16, 64, 64),
    (16, 64, 64),
    (32, 128, 128),
    (32, 128, 128),
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    (64, 256, 256),
)


@dataclass(frozen=True)
class SqueezeNet(Variant):
    """stem: filters and kernel of conv1 (stride 2, no padding). pooled: fire modules that a 3x3/2 maximum follows."""

    stem: tuple
    pooled: tuple
    table: tuple = TABLE_1
    _: KW_ONLY
    initializer: str = "he_uniform"
    preprocessing: str = "torch"
    dropout: float = 0.5


VARIANTS = {
    "squeezenet1_0": SqueezeNet((96, 7), (1, 4, 8)),  # 1 is conv1
    "squeezenet1_1": SqueezeNet((64, 3), (1, 3, 5)),
}


def features(x, net, unit):
    """Levels C1 .. C4: what enters the next pooling, and fire9. Windows over the edge count, as in Caffe."""
    unit = replace(unit, normalized=False)
    filters, kernel = net.stem
    x = unit(x, filters, kernel, stride=2, padding="valid", name="conv1")
    levels = {}
    for i, row in enumerate(net.table, start=2):
        if i - 1 in net.pooled:
            levels[f"C{len(levels) + 1}"] = x
            x = unit.max_pool(x, 3, 2, padding="end", name=f"pool{i - 1}")
        x = fire(x, *row, unit=unit, name=f"fire{i}")
    return levels | {f"C{len(levels) + 1}": x}


def fire(x, s1x1, e1x1, e3x3, *, unit, name):
    """1x1 squeeze; 1x1 and 3x3 expand side by side (Fig. 1)."""
    x = unit(x, s1x1, 1, name=f"{name}_squeeze")
    branches = [unit(x, e1x1, 1, name=f"{name}_expand1x1"), unit(x, e3x3, 3, name=f"{name}_expand3x3")]
    return layers.Concatenate(name=f"{name}_concat")(branches)


def head(x, net, unit, *, classes, activation):
    """No dense layer: a 1x1 convolution gives a map for each class, and its mean the score."""
    x = dropout(x, net.dropout)
    x = layers.Conv2D(classes, 1, activation="relu", dtype=score_dtype(), name="predictions")(x)
    x = layers.GlobalAveragePooling2D(dtype=score_dtype(), name="avg_pool")(x)
    return layers.Activation(activation, dtype=score_dtype(), name="scores")(x) if activation else x
