"""Convolution, normalization and activation: the unit that every block is built from."""

from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


@dataclass(frozen=True)
class Numerics:
    """What differs between published implementations of one architecture, and belongs to their weights.

    Args:
      padding: where zeros are added around a strided window. "same": TensorFlow's rule; "symmetric": kernel // 2 on
        every side, as in torch and Caffe; "end": kernel // 2 at the bottom and on the right only.
      depthwise_padding: the rule for depthwise convolutions, if it differs.
      conv_bias: whether a convolution before a normalization has a bias.
      free_bias: whether a convolution without a normalization has a bias.
      epsilon, momentum: of batch normalization.
      gain: whether batch normalization has a gamma.
      count_padding: whether the zeros of the padding count in the mean of an average pooling, as in torch.
      adaptive: whether a head for one picture size pools its feature map to that size, as in torch. Otherwise the head
        grows with the picture.

    Example:
      Numerics(padding="symmetric", epsilon=1e-5, momentum=0.9)
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
    """Builds convolutions, normalizations, activations and poolings with one set of numerics.

    A block receives a unit, so it needs to know neither epsilon nor the padding rule. Tensors are
    [batch, height, width, channels]. Layers are named `{name}_conv`, `{name}_bn`, `{name}_{activation}`, and
    `{name}_pad` where a layer adds zeros.

    Args:
      numerics: padding, bias and batch normalization settings.
      activation: the name of the default activation; None for a linear unit.
      initializer: of the kernels, as Keras takes it.
      normalized: whether a normalization follows each convolution.

    Example:
      unit = ConvUnit(TORCH)
      x = unit(x, 64, 3, stride=2, name="conv1")  # [2, 224, 224, 3] -> [2, 112, 112, 64]
    """

    numerics: Numerics = KERAS
    activation: str | None = "relu"
    initializer: str | dict = "glorot_uniform"
    normalized: bool = True  # False: no normalization, for networks older than batch normalization

    def __call__(
        self,
        x: Tensor,
        filters: int,
        kernel: int | tuple[int, int],
        *,
        activation: str | EllipsisType | None = ...,
        name: str,
        **options: Any,
    ) -> Tensor:
        """Convolution, normalization (if `normalized`) and activation.

        Args:
          x: [batch, height, width, channels].
          filters: channels of the output.
          kernel: side of the window, or (height, width).
          activation: replaces the unit's activation; None for none.
          name: first part of the layers' names.
          **options: those of `conv`.
        """
        bias = None if self.normalized else self.numerics.free_bias
        x = self.conv(x, filters, kernel, bias=bias, name=name, **options)
        return self.act(self.norm(x, name=name) if self.normalized else x, activation, name=name)

    def depthwise(
        self,
        x: Tensor,
        kernel: int,
        *,
        stride: int = 1,
        activation: str | EllipsisType | None = ...,
        multiplier: int = 1,
        dilation: int = 1,
        name: str,
    ) -> Tensor:
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

    def conv(
        self,
        x: Tensor,
        filters: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool | None = None,
        padding: str | None = None,
        dilation: int = 1,
        name: str,
    ) -> Tensor:
        """The convolution without normalization and activation.

        Args:
          x, filters, kernel, name: as for `__call__`.
          stride: positions between windows.
          groups: groups of channels that are convolved separately.
          bias: default: `numerics.conv_bias`. Where no normalization follows, pass `unit.numerics.free_bias`.
          padding: "valid" for no padding, or a padding rule. Default: the rule of the numerics.
          dilation: positions between the values that a window reads; only with stride 1.
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

    def layer(self, groups: int) -> type:
        """The layer class of a convolution with that many groups."""
        return layers.Conv2D if groups == 1 else own.GroupedConv2D

    def pad(self, x: Tensor, kernel: Any, stride: int, name: str, rule: str | None = None) -> tuple[Tensor, str]:
        """(x, with zeros added if the padding rule asks for them; the `padding` argument of the next Keras layer)."""
        rule = rule or self.numerics.padding
        if rule == "same" or stride == 1 or kernel == 1:
            return x, "same"
        sides = kernel // 2 if rule == "symmetric" else ((0, kernel // 2), (0, kernel // 2))
        return layers.ZeroPadding2D(sides, name=f"{name}_pad")(x), "valid"

    def norm(self, x: Tensor, *, name: str) -> Tensor:
        """Batch normalization, named `{name}_bn`."""
        n = self.numerics
        return layers.BatchNormalization(epsilon=n.epsilon, momentum=n.momentum, scale=n.gain, name=f"{name}_bn")(x)

    def act(self, x: Tensor, activation: str | EllipsisType | None = ..., *, name: str) -> Tensor:
        """Applies `activation`, by default the unit's; None returns x."""
        activation = self.activation if activation is ... else activation
        if activation is None:
            return x
        if activation == "relu6":  # every tool reads this layer; only Keras 3 knows the string
            return layers.ReLU(6.0, name=f"{name}_relu6")(x)
        return layers.Activation(activation, name=f"{name}_{activation}")(x)

    def max_pool(
        self, x: Tensor, size: int, stride: int, *, padding: str | None = None, signed: bool = False, name: str
    ) -> Tensor:
        """Maximum over windows. The padding is zeros, which after a ReLU is the same as -inf.

        Args:
          size: side of the window.
          padding: as for `conv`. With "end", the last window may reach over the border, as in Caffe and with torch's
            `ceil_mode`.
          signed: whether x may be negative; the zeros of the padding are then ignored.
        """
        if signed and (padding or self.numerics.padding) == "symmetric":
            x = layers.MaxPooling2D(size, 1, "same", name=f"{name}_dense")(x)
            return layers.MaxPooling2D(1, stride, name=name)(x)
        if padding != "valid":
            x, padding = self.pad(x, size, stride, name, padding)
        return layers.MaxPooling2D(size, stride, padding, name=name)(x)

    def average_pool(self, x: Tensor, size: int, stride: int, *, padding: str | None = None, name: str) -> Tensor:
        """Mean over windows.

        Keras's "same" padding divides by another number than torch at the borders, so with `count_padding` a layer adds
        the zeros.

        Args:
          size: side of the window.
          padding: as for `conv`. With "end", the last window may reach over the border and counts only the positions
            inside.
        """
        if padding == "end":
            x = layers.AveragePooling2D(size, 1, "same", name=f"{name}_dense")(x)
            x = layers.Cropping2D(((size // 2, 0), (size // 2, 0)), name=f"{name}_crop")(x)
            return layers.MaxPooling2D(1, stride, name=name)(x)
        if padding != "valid" and stride == 1 and self.numerics.count_padding:
            x, padding = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x), "valid"
        return layers.AveragePooling2D(size, stride, padding or "same", name=name)(x)
