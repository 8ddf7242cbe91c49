"""Mobile inverted bottleneck. Sandler et al. 2018, 1801.04381, Fig. 4d; with SE: Tan et al. 2018, 1807.11626."""

from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.support.lazy_imports import layers


def mbconv(
    x,
    filters,
    *,
    kernel=3,
    stride=1,
    expand_ratio=6,
    squeezed=0,
    se=squeeze_excite,
    drop_rate=0.0,
    dilation=1,
    kept=False,
    unit,
    name,
):
    """1x1 expand, depthwise (stride) [+SE], 1x1 linear project; the input is added where the shape stays.

    expand_ratio: expanded channels to input channels; rounded to a multiple of 8, and no 1x1 where it is 1.
    squeezed: channels inside squeeze-and-excitation, 0: none. se: the form of it.
    drop_rate: probability that stochastic depth leaves the block out for a whole picture while training.
    dilation: of the depthwise convolution. kept: its stride is not taken, see `blocks.strides`.
    """
    added = stride == 1 and x.shape[-1] == filters  # a kept stride adds as little as a taken one
    stride = 1 if kept else stride
    channels, y = x.shape[-1], x
    if expand_ratio != 1:
        y = unit(y, round_channels(channels * expand_ratio), 1, name=f"{name}_expand")
    y = unit.depthwise(y, kernel, stride=stride, dilation=dilation, name=f"{name}_depthwise")
    if squeezed:
        y = se(y, squeezed, unit=unit, name=f"{name}_se")
    y = unit(y, filters, 1, activation=None, name=f"{name}_project")
    if not added:
        return y
    return layers.Add(name=f"{name}_add")([x, drop_path(y, drop_rate, name=f"{name}_drop")])


def drop_path(x, rate, *, name):
    """Stochastic depth. Huang et al. 2016, 1603.09382: a picture's branch is dropped, or scaled by 1 / (1 - rate)."""
    return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)(x) if rate else x


def round_channels(channels, divisor=8):
    """The nearest multiple of `divisor` that is at least `divisor` and not more than 10% below `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
