"""The input maps that each output map of a convolution reads.

Groups show as a block diagonal, depthwise convolution as a diagonal, connection tables as holes.
"""

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_cnns.graph.calls import Calls
from keras_cnns.insight.figures.draw import SHADES, plain
from keras_cnns.layers.grouped import block_diagonal
from keras_cnns.layers.table_conv import TableConv2D
from keras_cnns.support.errors import BadArgument


def matrix(model: keras.Model, layer: str | None = None) -> tuple[str, np.ndarray]:
    """(name of the layer, [input maps, output maps]): the norm of each pair's kernel, 0 where there is no connection.

    layer: default: the first convolution with a table, else with groups, else depthwise, else any.

    Raises:
      UserError: there is no such layer, or it is not a two-dimensional convolution.
    """
    calls = Calls(model)
    if layer is None:
        convolutions = [call for call in calls if _kernel(call.operation) is not None]
        if not convolutions:
            raise BadArgument(f"{calls.name} has no convolution: there are no connections of maps to show.")
        call = max(convolutions, key=lambda call: _interest(call.operation))  # the first of equals
    else:
        call = calls[calls.find(layer)]
    kernel = _kernel(call.operation)
    if kernel is None:
        raise BadArgument(f"layer {call.name!r} is a {call.kind} and not a convolution: it connects no maps.")
    return call.name, np.sqrt((np.asarray(kernel, "float64") ** 2).sum((0, 1)))


def connections(model: keras.Model, layer: str | None = None) -> Figure:
    """`matrix` as a figure. Raises the errors of `matrix`."""
    name, lengths = matrix(model, layer)
    ins, outs = lengths.shape
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    axes = figure.subplots()
    holes = np.ma.masked_equal(lengths, 0)
    axes.set_facecolor("white")
    drawn = axes.imshow(holes, cmap=f"{SHADES}_r", vmin=0, aspect="auto", interpolation="nearest")
    figure.colorbar(drawn, ax=axes, shrink=0.85).set_label("length of the pair's kernel (white: not connected)")
    axes.set_xlabel(f"output map, of {outs}")
    axes.set_ylabel(f"input map, of {ins}")
    share = float((lengths > 0).mean())
    axes.set_title(f"{plain(name)}: {share:.1%} of the pairs are connected", fontsize=9, loc="left")
    return figure


def _interest(operation: keras.Operation) -> int:
    """How much the connections show: those of a table most, then groups, then depthwise, then dense."""
    groups = getattr(operation, "groups", 1) > 1
    return 3 * isinstance(operation, TableConv2D) or 2 * groups or isinstance(operation, keras.layers.DepthwiseConv2D)


def _kernel(operation: keras.Operation) -> np.ndarray | None:
    """The kernel of the equivalent dense convolution, [height, width, in, out]; None for other operations."""
    layers = keras.layers
    if isinstance(operation, TableConv2D):
        return keras.ops.convert_to_numpy(operation.dense_kernel()).astype("float32")
    if isinstance(operation, layers.DepthwiseConv2D):
        kernel = np.asarray(operation.kernel, "float32")
        height, width, channels, more = kernel.shape
        return block_diagonal(kernel.reshape(height, width, 1, channels * more), channels)
    if isinstance(operation, layers.Conv2D):
        return block_diagonal(np.asarray(operation.kernel, "float32"), operation.groups)
    return None
