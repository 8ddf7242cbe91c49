"""Fewer strides, wider windows: later stages that keep their size. Yu & Koltun 2015, 1511.07122; Chen 2016, 1606.00915.

What a stride would have left out is kept, and the windows of all that follows reach over twice as many positions, so
that every kernel, with the same weights, sees what it saw.
"""

from keras_cnns.support.errors import BadArgument

OUTPUT_STRIDES = (8, 16, 32)


class Strides:
    """Counts how much smaller than the picture a network's maps are, and stops at `output_stride`."""

    def __init__(self, output_stride):
        if output_stride not in OUTPUT_STRIDES:
            raise BadArgument(f"output_stride is {output_stride!r}: it must be one of 8, 16, 32.")
        self.most, self.stride, self.dilation = output_stride, 1, 1

    def __call__(self, stride):
        """What a block of this stride is given: {"dilation": of its windows, "kept": its stride is not taken and widens
        the windows behind it instead}."""
        options = {"dilation": self.dilation, "kept": self.stride * stride > self.most}
        if options["kept"]:
            self.dilation *= stride
        else:
            self.stride *= stride
        return options
