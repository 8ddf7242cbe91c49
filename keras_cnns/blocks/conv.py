"""Convolution, normalization, activation: the unit every block is made of."""

from dataclasses import dataclass

from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import layers


@dataclass(frozen=True)
class Numerics:
    """What differs between published implementations of one architecture, and comes with their weights.

    padding: the zeros around a strided window. "same": TensorFlow's rule; "symmetric": kernel // 2 on every
      side, as in torch and Caffe; "end": kernel // 2 below and to the right only.
    depthwise_padding: the rule of depthwise convolutions where it is another one.
    conv_bias: convolutions before a normalization carry a bias.
    free_bias: convolutions that no normalization follows carry a bias.
    epsilon, momentum: of batch normalization; gain: it has a gamma.
    count_padding: the zeros padded around an average pooling count in its means, as in torch.
    adaptive: a head for one size pools its level to that size, as in torch; otherwise it grows with the picture.
    """

    padding: str = "same"
    depthwise_padding: str | None = None
    conv_bias: bool = False
    free_bias: bool = True
    epsilon: float = 1e-3
    momentum: float = 0.99
    gain: bool = True
    count_padding: bool = False
    adaptive: bool = False


KERAS = Numerics()
TORCH = Numerics(padding="symmetric", epsilon=1e-5, momentum=0.9, count_padding=True, adaptive=True)


@dataclass(frozen=True)
class ConvUnit:
    """Makes convolutions, normalizations, activations and poolings with one set of numerics.

    A block gets the unit and never learns epsilon or the padding rule. Layer names: `{name}_conv`, `{name}_bn`,
    `{name}_{activation}`; `{name}_pad` where zeros are added by a layer of their own.
    """

    numerics: Numerics = KERAS
    activation: str | None = "relu"
    initializer: str | dict = "glorot_uniform"
    normalized: bool = True  # False: networks older than batch normalization

    def __call__(self, x, filters, kernel, *, activation=..., name, **options):
        """Convolution (options: those of `conv`), normalization (where there is any), activation (`None`: linear)."""
        bias = None if self.normalized else self.numerics.free_bias
        x = self.conv(x, filters, kernel, bias=bias, name=name, **options)
        return self.act(self.norm(x, name=name) if self.normalized else x, activation, name=name)

    def depthwise(self, x, kernel, *, stride=1, activation=..., multiplier=1, dilation=1, name):
        """Depthwise convolution, normalization, activation."""
        x, padding = self.pad(x, kernel, stride, name, self.numerics.depthwise_padding)
        x = layers.DepthwiseConv2D(
            kernel,
            stride,
            padding,
            depth_multiplier=multiplier,
            dilation_rate=dilation,
            use_bias=self.numerics.conv_bias,
            depthwise_initializer=self.initializer,
            name=f"{name}_conv",
        )(x)
        return self.act(self.norm(x, name=name), activation, name=name)

    def conv(self, x, filters, kernel, *, stride=1, groups=1, bias=None, padding=None, dilation=1, name):
        """The convolution alone, as it stands before a normalization; elsewhere say `bias=unit.numerics.free_bias`.

        padding: "valid" where the paper pads nothing, or a padding rule; `None`: the numerics decide. dilation: steps
        between a window's positions, where there is no stride.
        """
        bias = self.numerics.conv_bias if bias is None else bias
        if padding != "valid":
            x, padding = self.pad(x, kernel, stride, name, padding)
        return self.layer(groups)(
            filters,
            kernel,
            stride,
            padding,
            groups=groups,
            dilation_rate=dilation,
            use_bias=bias,
            kernel_initializer=self.initializer,
            name=f"{name}_conv",
        )(x)

    def layer(self, groups):
        """The class of its convolutions."""
        return layers.Conv2D if groups == 1 else own.GroupedConv2D

    def pad(self, x, kernel, stride, name, rule=None):
        """`x` with explicit zeros where the padding rule asks for them, and Keras's word for the rest."""
        rule = rule or self.numerics.padding
        if rule == "same" or stride == 1 or kernel == 1:
            return x, "same"
        sides = kernel // 2 if rule == "symmetric" else ((0, kernel // 2), (0, kernel // 2))
        return layers.ZeroPadding2D(sides, name=f"{name}_pad")(x), "valid"

    def norm(self, x, *, name):
        """Batch normalization, named `{name}_bn`."""
        n = self.numerics
        return layers.BatchNormalization(epsilon=n.epsilon, momentum=n.momentum, scale=n.gain, name=f"{name}_bn")(x)

    def act(self, x, activation=..., *, name):
        """The unit's activation, or the one given; `None` leaves x as it is."""
        activation = self.activation if activation is ... else activation
        if activation is None:
            return x
        if activation == "relu6":  # a layer every tool knows; the string is Keras 3's alone
            return layers.ReLU(6.0, name=f"{name}_relu6")(x)
        return layers.Activation(activation, name=f"{name}_{activation}")(x)

    def max_pool(self, x, size, stride, *, padding=None, signed=False, name):
        """Maximum over windows. Zeros are padded, which equals padding with -inf after a ReLU.

        padding: as for `conv`; "end" is what Caffe and torch's ceil_mode do, a last window that reaches over the edge.
        signed: x may be negative, and the zeros must not win.
        """
        if signed and (padding or self.numerics.padding) == "symmetric":
            x = layers.MaxPooling2D(size, 1, "same", name=f"{name}_dense")(x)
            return layers.MaxPooling2D(1, stride, name=name)(x)
        if padding != "valid":
            x, padding = self.pad(x, size, stride, name, padding)
        return layers.MaxPooling2D(size, stride, padding, name=name)(x)

    def average_pool(self, x, size, stride, *, padding=None, name):
        """Mean over windows; `padding` as for `conv`. "end": over the part of a last window inside the picture.

        Keras's own "same" padding divides by another number with torch where the two sides differ: no stride there.
        """
        if padding == "end":
            x = layers.AveragePooling2D(size, 1, "same", name=f"{name}_dense")(x)
            x = layers.Cropping2D(((size // 2, 0), (size // 2, 0)), name=f"{name}_crop")(x)
            return layers.MaxPooling2D(1, stride, name=name)(x)
        if padding != "valid" and stride == 1 and self.numerics.count_padding:
            x, padding = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x), "valid"
        return layers.AveragePooling2D(size, stride, padding or "same", name=name)(x)
