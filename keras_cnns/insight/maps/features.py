"""What a network computes in between: first-layer filters and the feature maps of any layer."""

import numpy as np

from keras_cnns.graph.calls import Calls
from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.support.errors import UserError


def filters(model, layer=None):
    """The kernels of a convolution that sees pictures, [n, height, width, 1 or 3].

    layer: None: the first convolution.

    Raises:
      UserError: there is no such layer, it is no convolution, or its kernels have more maps than a picture has colours.
    """
    calls = Calls(model)
    if layer is None:
        found = next((call for call in calls if _is_convolution(call.operation)), None)
        if found is None:
            raise UserError(f"{calls.name} has no convolution: there are no filters to show.")
    else:
        found = calls[calls.find(layer)]
        if not _is_convolution(found.operation):
            raise UserError(f"layer {layer!r} is a {found.kind}, no convolution: it has no filters to show.")
    kernel = np.asarray(found.operation.kernel, "float32")
    if "Depthwise" in found.kind:
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        raise UserError(
            f"the kernels of {found.name!r} have shape {kernel.shape}: only those on pictures (1 or 3 channels) can be "
            "shown. `maximize` shows what a deeper layer looks for."
        )
    return np.moveaxis(kernel, -1, 0)


def feature_maps(model, pictures, layer, *, batch=BATCH):
    """What a layer gives for pictures, [n, ...]: for a convolution [n, h, w, maps]. Errors are those of `grad_cam`."""

    def one_batch(network, pictures, _):
        return network.run(pictures, last=network.calls.find(layer))[0]

    return by_batch(model, pictures, lambda outputs: outputs, one_batch, batch=batch)


def _is_convolution(operation):
    return hasattr(operation, "kernel_size") and hasattr(operation, "kernel")
