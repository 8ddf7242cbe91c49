"""Several views of one picture, whose predictions are averaged, as the papers' best figures are measured.

Pictures are float32 [B, H, W, C]; a view is a batch of the same pictures, all of one size.
"""

import keras
import tensorflow as tf

from keras_cnns.errors import UserError, first_line


def ten_crops(images, size):
    """The four corners and the centre, and the same mirrored (Krizhevsky et al. 2012, 4.1): ten views [B, *size, C].

    Raises:
      UserError: the pictures are smaller than the crops.
    """
    height, width = images.shape[1:3]
    down, right = height - size[0], width - size[1]
    if min(down, right) < 0:
        raise UserError(f"crops of {size[0]} x {size[1]} do not fit into pictures of {height} x {width}.")
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    views = [images[:, top : top + size[0], left : left + size[1]] for top, left in corners]
    return views + mirrored(views)


def multi_scale(images, short_sides):
    """The whole pictures, their short side resized to each of `short_sides`, and the same mirrored (1409.1556, 3.2).

    For a network without a fixed input size, applied to all positions: see `fully_convolutional`.
    """
    short = min(images.shape[1:3])
    sizes = [[round(side * s / short) for side in images.shape[1:3]] for s in short_sides]
    views = [tf.image.resize(images, size, antialias=True) for size in sizes]
    return views + mirrored(views)


def mirrored(views):
    return [view[:, :, ::-1] for view in views]


def fully_convolutional(model):
    """The same classifier for pictures of any size from its own up (1409.1556, 3.2).

    Dense layers after a Flatten become convolutions, the first as large as the map it flattened, the others 1x1; the
    answer is then a map [B, h, w, classes], otherwise, after global pooling, [B, classes]. Weights are the model's.

    Raises:
      UserError: a layer that knows the size of the picture stands in the way.
    """
    flattens = any(isinstance(layer, keras.layers.Flatten) for layer in model.layers)
    grids = {}  # of the dense layers that become convolutions, by name

    def other(layer):
        if isinstance(layer, keras.layers.Flatten):
            return keras.layers.Identity(name=layer.name)
        if not isinstance(layer, keras.layers.Dense) or not flattens:
            return layer.__class__.from_config(layer.get_config())
        before = layer.input._keras_history.operation
        flat = isinstance(before, keras.layers.Flatten)
        grids[layer.name] = tuple(before.input.shape[1:3]) if flat else (1, 1)
        options = {"use_bias": layer.use_bias, "dtype": layer.dtype_policy, "name": layer.name}
        return keras.layers.Conv2D(layer.units, grids[layer.name], activation=layer.activation, **options)

    height, width, channels = model.input_shape[1:]
    image = keras.Input((None, None, channels), name="image")
    try:
        free = keras.models.clone_model(model, input_tensors=image, clone_function=other)
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.name in grids:
                weights[0] = weights[0].reshape(*grids[layer.name], -1, layer.units)
            if weights:
                free.get_layer(layer.name).set_weights(weights)
            if isinstance(layer, keras.layers.Normalization):
                free.get_layer(layer.name).finalize_state()  # it computes with constants made from its weights
        free(tf.zeros((1, height + 32, width + 32, channels)))
    except (ValueError, TypeError, tf.errors.OpError) as error:
        reason = first_line(error)
        raise UserError(f"{model.name} cannot be applied to other sizes ({reason}): take --views ten_crops.") from error
    return free
