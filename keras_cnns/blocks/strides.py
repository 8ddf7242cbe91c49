"""Fewer strides, wider windows: later stages that keep their size. Yu & Koltun 2015, 1511.07122; Chen 2016, 1606.00915.

What a stride would have left out is kept, and the windows of all that follows reach over twice as many positions, so
that every kernel, with the same weights, sees what it saw.
"""

from keras_cnns.errors import UserError

OUTPUT_STRIDES = (8, 16, 32)


class Strides:
    """Counts how much smaller than the picture a network's maps are, and stops at `output_stride`."""

    def __init__(self, output_stride):
        if output_stride not in OUTPUT_STRIDES:
            raise UserError(f"output_stride is {output_stride!r}: it must be one of 8, 16, 32.")
        self.most, self.stride, self.dilation = output_stride, 1, 1

    def __call__(self, stride):
        """(the stride, the dilation) of the layer that would have this stride; `dilation` is that of those after it."""
        dilation = self.dilation
        if self.stride * stride > self.most:
            self.dilation *= stride
            return 1, dilation
        self.stride *= stride
        return stride, dilation
