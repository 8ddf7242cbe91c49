"""Several views of each picture, whose predictions are averaged, as papers measure their best figures.

Pictures are float32 [B, H, W, C]; a view is a batch of the same pictures at one size.
"""

from collections.abc import Sequence

import tensorflow as tf

from keras_cnns.support.errors import BadArgument


def ten_crops(images: tf.Tensor, size: Sequence[int]) -> list[tf.Tensor]:
    """The four corners and the centre, and the same mirrored (Krizhevsky et al. 2012, 4.1): ten views [B, *size, C].

    Raises:
      UserError: the pictures are smaller than the crops.
    """
    height, width = images.shape[1:3]
    down, right = height - size[0], width - size[1]
    if min(down, right) < 0:
        raise BadArgument(f"crops of {size[0]} x {size[1]} do not fit into pictures of {height} x {width}.")
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    views = [images[:, top : top + size[0], left : left + size[1]] for top, left in corners]
    return views + mirrored(views)


def multi_scale(images: tf.Tensor, short_sides: Sequence[int]) -> list[tf.Tensor]:
    """The full pictures, their short side resized to each of `short_sides`, and mirrored copies (1409.1556, 3.2).

    For a network without a fixed input size: see `keras_cnns.to_fully_convolutional`.
    """
    short = min(images.shape[1:3])
    sizes = [[round(side * s / short) for side in images.shape[1:3]] for s in short_sides]
    views = [tf.image.resize(images, size, antialias=True) for size in sizes]
    return views + mirrored(views)


def mirrored(views: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Each view, mirrored left to right."""
    return [view[:, :, ::-1] for view in views]
