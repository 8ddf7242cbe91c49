"""Densely connected blocks. Huang et al. 2016, 1608.06993, section 3."""

from keras_cnns.blocks.head import dropout
from keras_cnns.support.lazy_imports import layers


def dense_block(x, n, growth_rate, *, bottleneck, drop_rate, unit, name):
    """n layers; each sees the maps of all layers before it and adds `growth_rate` of its own."""
    for i in range(n):
        layer = f"{name}_block{i + 1}"
        y = composite(x, growth_rate, bottleneck=bottleneck, drop_rate=drop_rate, unit=unit, name=layer)
        x = layers.Concatenate(name=f"{layer}_concat")([x, y])
    return x


def composite(x, filters, *, bottleneck, drop_rate, unit, name):
    """H of equation 2: BN-ReLU-3x3, or with a bottleneck ("B") BN-ReLU-1x1(4k)-BN-ReLU-3x3(k)."""
    y = unit.act(unit.norm(x, name=f"{name}_0"), name=f"{name}_0")
    if bottleneck:
        y = dropout(unit.conv(y, 4 * filters, 1, name=f"{name}_1"), drop_rate, name=f"{name}_1_drop")
        y = unit.act(unit.norm(y, name=f"{name}_1"), name=f"{name}_1")
    return dropout(unit.conv(y, filters, 3, name=f"{name}_2"), drop_rate, name=f"{name}_2_drop")


def transition(x, compression, *, drop_rate, unit, name):
    """BN-ReLU-1x1, average pooling 2x2; the 1x1 keeps `compression` of the channels ("C", theta)."""
    x = unit.act(unit.norm(x, name=name), name=name)
    x = unit.conv(x, int(x.shape[-1] * compression), 1, name=name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(dropout(x, drop_rate, name=f"{name}_drop"))
