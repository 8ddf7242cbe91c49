"""FCN. Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", 1411.4038, Fig. 3.

Where the authors' files pad the picture by 100 pixels and cut the answer, here it is padded to a multiple of 32 and fc6
pads itself, so that positions of all levels lie on each other. `fcn_resnet50` is torchvision's: dilated stages, one
more convolution before the scores, and their enlargement bilinear.
"""

from dataclasses import dataclass, field
from functools import partial

from keras_cnns import layers as own
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.errors import UserError
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Long et al.", 2015, "Fully Convolutional Networks for Semantic Segmentation", "1411.4038")


@dataclass(frozen=True, kw_only=True)
class FCN(Variant):
    """skips: what is scored besides the last level, coarse to fine, names of levels or of the backbone's layers.

    backbone: a name of the registry. columns: of its row, that are other ones. fc: channels of its fully connected
      layers, which become convolutions, the first with a kernel of `grid`; none: the last level is scored.
    neck: channels of a 3x3 convolution with normalization before the scores; 0: none. bilinear: one bilinear step
      to the picture's size, instead of transposed convolutions.
    """

    backbone: str = "mobilenet_v2"
    columns: dict = field(default_factory=dict)
    skips: tuple = ()
    fc: tuple = ()
    grid: int = 7
    neck: int = 0
    bilinear: bool = False
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
    "fcn_resnet50": FCN(
        backbone="resnet50_v1_5",
        columns={"output_stride": 8},
        neck=512,
        bilinear=True,
        dropout=0.1,
        input_shape=(520, 520, 3),
        preprocessing="torch",
    ),
}
STRIDE = 32  # of the last level, where its backbone is not dilated


def padded(x, net):
    """The picture with zeros below and to the right, so that every level is half the one before."""
    if net.bilinear:
        return x
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
    if net.neck:
        x = dropout(unit(x, net.neck, 3, name="neck"), net.dropout, name="neck_drop")
    x, stride = _score(x, classes, "score"), net.columns.get("output_stride", STRIDE)
    if net.bilinear:
        return _answer(_resized(x, image), activation)
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
    return _answer(x, activation)


def _answer(x, activation):
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


def _resized(x, image):
    height, width = image.shape[1:3]
    if height is None or width is None:
        return own.ResizeLike(name="resize")(x, image)
    return layers.Resizing(height, width, "bilinear", name="resize")(x)
