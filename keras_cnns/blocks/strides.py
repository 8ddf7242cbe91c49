"""Dilation instead of stride, for larger feature maps. Yu & Koltun 2015, 1511.07122; Chen et al. 2016, 1606.00915.

Without its stride, a layer keeps the positions that the stride would have skipped. All following windows are dilated by
that factor, so that every kernel, with the same weights, reads the same pixels as before.
"""

from keras_cnns.support.errors import BadArgument

OUTPUT_STRIDES = (8, 16, 32)


class Strides:
    """Counts the total stride of a network and replaces strides by dilation once it has reached `output_stride`.

    Args:
      output_stride: largest allowed ratio of the picture's side to the feature map's: 8, 16 or 32.
      dilate_strided: the layer whose stride is replaced is itself dilated by its stride, as in torchvision's
        MobileNetV3. Its kernel then reads other pixels than before.

    Raises:
      UserError: another output_stride.

    Example:
      strides = Strides(16)
      x = bottleneck(x, 512, stride=2, unit=unit, name="conv5_block1", **strides(2))
    """

    def __init__(self, output_stride: int, dilate_strided: bool = False) -> None:
        if output_stride not in OUTPUT_STRIDES:
            raise BadArgument(f"output_stride is {output_stride!r}: it must be one of 8, 16, 32.")
        self.limit, self.stride, self.dilation, self.dilate_strided = output_stride, 1, 1, dilate_strided

    def __call__(self, stride: int) -> dict:
        """The options of a block with this stride: "dilation", and "kept": whether dilation replaces the stride."""
        options = {"dilation": self.dilation, "kept": self.stride * stride > self.limit}
        if options["kept"]:
            self.dilation *= stride
            if self.dilate_strided:
                options["dilation"] = self.dilation
        else:
            self.stride *= stride
        return options
