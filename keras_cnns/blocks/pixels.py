"""What the heads of segmenters share: padding, resizing and cropping to the size of the picture, scores, activation."""

from typing import Any

from keras_cnns.blocks.head import score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def pad_to_multiple(x: Tensor, multiple: int = 32) -> Tensor:
    """x [batch, H, W, channels] with zeros below and to the right, until H and W are multiples of `multiple`."""
    height, width = x.shape[1:3]
    if height is None or width is None:
        return own.PadToMultiple(multiple, name="pad")(x)
    missing = (-height % multiple, -width % multiple)
    return layers.ZeroPadding2D(((0, missing[0]), (0, missing[1])), name="pad")(x) if any(missing) else x


def pad_for_levels(x: Tensor, net: Any) -> Tensor:
    """The picture, padded so that each level is half as large as the one before: `Head.pad` of most networks."""
    return pad_to_multiple(x)


def crop_like(x: Tensor, like: Tensor, *, name: str) -> Tensor:
    """x [batch, H, W, channels], cropped below and to the right to the height and width of `like`."""
    height, width = like.shape[1:3]
    if height is None or width is None:
        return own.CropLike(name=name)(x, like)
    if x.shape[1:3] == (height, width):
        return x
    return layers.Cropping2D(((0, x.shape[1] - height), (0, x.shape[2] - width)), name=name)(x)


def resize_like(x: Tensor, like: Tensor, *, name: str) -> Tensor:
    """x [batch, H, W, channels], resized by bilinear interpolation to the height and width of `like`.

    Keras's Resizing is not used: in a call without `training`, it switches all layers after it to training.
    """
    there, here = like.shape[1:3], x.shape[1:3]
    if None in (*there, *here) or any(large % small for large, small in zip(there, here, strict=True)):
        return own.ResizeLike(name=name)(x, like)
    factors = tuple(large // small for large, small in zip(there, here, strict=True))
    return layers.UpSampling2D(factors, interpolation="bilinear", name=name)(x)


def score(x: Tensor, classes: int, name: str, initializer: str = "glorot_uniform") -> Tensor:
    """A 1x1 convolution to a score for each class."""
    return layers.Conv2D(classes, 1, kernel_initializer=initializer, name=name)(x)


def activated(x: Tensor, activation: str | None) -> Tensor:
    """The output of a segmenter: scores [batch, H, W, classes] with their activation, in at least float32."""
    return layers.Activation(activation or "linear", dtype=score_dtype(), name="predictions")(x)


def check_size(level: Tensor, needed: tuple[int | None, ...], backbone: str, name: str) -> None:
    """Raises BadArgument if the level `name` of a backbone does not have the height and width that are `needed`."""
    if level.shape[1:3] != needed:
        raise BadArgument(
            f"{backbone}'s {name} has the size {level.shape[1:3]}, and {needed} is needed: "
            "the levels of this backbone do not halve evenly, so choose another backbone."
        )
