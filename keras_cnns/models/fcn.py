"""FCN. Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", 1411.4038, Fig. 3.

Where the authors' files pad the picture by 100 pixels and cut the answer, here it is padded to a multiple of 32 and fc6
pads itself, so that positions of all levels lie on each other.
"""

from dataclasses import dataclass, field
from functools import partial

from keras_cnns import layers as own
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.errors import UserError
from keras_cnns.family import Paper, Variant
from keras_cnns.lazy import layers

PAPER = Paper("Long et al.", 2015, "Fully Convolutional Networks for Semantic Segmentation", "1411.4038")


@dataclass(frozen=True, kw_only=True)
class FCN(Variant):
    """skips: what is scored besides the last level, coarse to fine, names of levels or of the backbone's layers.

    backbone: a name of the registry. columns: of its row, that are other ones. fc: channels of its fully connected
      layers, which become convolutions, the first with a kernel of `grid`; none: the last level is scored.
    """

    backbone: str = "mobilenet_v2"
    columns: dict = field(default_factory=dict)
    skips: tuple = ()
    fc: tuple = ()
    grid: int = 7
    classes: int = 21  # PASCAL VOC's twenty, and the background
    task: str = "segmentation"


on_vgg16 = partial(FCN, backbone="vgg16", fc=(4096, 4096), dropout=0.5)

VARIANTS = {
    "fcn32s_vgg16": on_vgg16(),
    "fcn16s_vgg16": on_vgg16(skips=("pool4",)),
    "fcn8s_vgg16": on_vgg16(skips=("pool4", "pool3")),
    "fcn32s": FCN(),
    "fcn16s": FCN(skips=("C4",)),
    "fcn8s": FCN(skips=("C4", "C3")),
}
STRIDE = 32  # of the last level


def padded(x, net):
    """The picture with zeros below and to the right, so that every level is half the one before."""
    height, width = x.shape[1:3]
    if height is None or width is None:
        return own.PadToMultiple(STRIDE, name="pad")(x)
    missing = (-height % STRIDE, -width % STRIDE)
    return layers.ZeroPadding2D(((0, missing[0]), (0, missing[1])), name="pad")(x) if any(missing) else x


def predict(image, level, net, unit, *, classes, activation):
    """A score for each class at each pixel, [B, H, W, classes]. level: a level's or layer's name -> its output."""
    x = level("C5")
    for i, width in enumerate(net.fc, start=6):
        x = unit.conv(x, width, net.grid if i == 6 else 1, bias=True, name=f"fc{i}")
        x = dropout(unit.act(x, name=f"fc{i}"), net.dropout, name=f"drop{i}")
    x, stride = _score(x, classes, "score"), STRIDE
    for name in net.skips:
        x, stride = _enlarged(x, 2, name=f"upsample{stride // 2}"), stride // 2
        skipped = level(name)
        if skipped.shape[1:3] != x.shape[1:3]:
            raise UserError(
                f"{net.backbone}'s {name} is {skipped.shape[1:3]} where half the stride is {x.shape[1:3]}: "
                "its levels do not halve evenly, take another backbone."
            )
        x = layers.Add(name=f"fuse{stride}")([x, _score(skipped, classes, f"score_{name}", "zeros")])
    x = _enlarged(x, stride, name="upsample", trainable=False)  # the last one is fixed (section 4.3)
    if x.shape[1:3] != image.shape[1:3] or None in image.shape[1:3]:
        x = _cropped(x, image)
    return layers.Activation(activation or "linear", dtype=score_dtype(), name="predictions")(x)


def _score(x, classes, name, initializer="glorot_uniform"):
    """A convolution 1x1; those of the skips begin as zero (section 4.2), so that the net begins as the coarser one."""
    return layers.Conv2D(classes, 1, kernel_initializer=initializer, name=name)(x)


def _enlarged(x, stride, *, name, trainable=True):
    make = layers.Conv2DTranspose(
        x.shape[-1],
        2 * stride,
        stride,
        "same",
        use_bias=False,
        kernel_initializer=own.Bilinear(),
        trainable=trainable,
        name=name,
    )
    return make(x)


def _cropped(x, image):
    height, width = image.shape[1:3]
    if height is None or width is None:
        return own.CropLike(name="crop")(x, image)
    return layers.Cropping2D(((0, x.shape[1] - height), (0, x.shape[2] - width)), name="crop")(x)
