"""FCN. Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", 1411.4038, Fig. 3.

The authors' Caffe files pad the picture by 100 pixels and crop the answer. Here the picture is padded to a multiple of
32, and fc6 pads its own input, so that the positions of all levels align. `fcn_resnet50` is torchvision's: its stages
are dilated, a 3x3 convolution precedes the scores, and bilinear interpolation enlarges them.
"""

from dataclasses import dataclass
from functools import partial

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.pixels import activated, check_size, crop_like, pad_to_multiple, resize_like, score
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Long et al.", 2015, "Fully Convolutional Networks for Semantic Segmentation", "1411.4038")


@dataclass(frozen=True, kw_only=True)
class FCN(OnBackbone):
    """One network.

    Args:
      skips: levels that are scored besides the last one, coarse to fine: their names, or names of the backbone's
        layers.
      fc: channels of the backbone's fully connected layers, which become convolutions; () for none.
      grid: the kernel of the first of them.
      neck: channels of a 3x3 convolution with normalization before the scores; 0 for none.
      bilinear: one bilinear step to the size of the picture replaces the transposed convolutions.
    """

    backbone: str = "mobilenet_v2"
    skips: tuple[str, ...] = ()
    fc: tuple[int, ...] = ()
    grid: int = 7
    neck: int = 0
    bilinear: bool = False
    classes: int = 21  # the 20 of PASCAL VOC, and the background


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
STRIDE = 32  # of the last level of a backbone that is not dilated


def pad(x: Tensor, net: FCN) -> Tensor:
    """The picture, padded where the scores of several levels are added."""
    return x if net.bilinear else pad_to_multiple(x, STRIDE)


def predict(levels: Levels, net: FCN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    image, x = levels.image, levels["C5"]
    for i, width in enumerate(net.fc, start=6):
        x = unit.conv(x, width, net.grid if i == 6 else 1, bias=True, name=f"fc{i}")
        x = dropout(unit.act(x, name=f"fc{i}"), net.dropout, name=f"drop{i}")
    if net.neck:
        x = dropout(unit(x, net.neck, 3, name="neck"), net.dropout, name="neck_drop")
    x, stride = score(x, classes, "score"), net.columns.get("output_stride", STRIDE)
    if net.bilinear:
        return activated(resize_like(x, image, name="resize"), activation)
    for name in net.skips:
        x, stride = _enlarged(x, 2, name=f"upsample{stride // 2}"), stride // 2
        skipped = levels[name]
        check_size(skipped, x.shape[1:3], net.backbone, name)
        # the scores of a skip start at zero, as training starts from the coarser net (section 4.2)
        x = layers.Add(name=f"fuse{stride}")([x, score(skipped, classes, f"score_{name}", "zeros")])
    x = _enlarged(x, stride, name="upsample", trainable=False)  # the last one is not trained (section 4.3)
    return activated(crop_like(x, image, name="crop"), activation)


def _enlarged(x: Tensor, stride: int, *, name: str, trainable: bool = True) -> Tensor:
    upsample = layers.Conv2DTranspose(
        x.shape[-1],
        2 * stride,
        stride,
        "same",
        use_bias=False,
        kernel_initializer=own.Bilinear(),
        trainable=trainable,
        name=name,
    )
    return upsample(x)


HEAD = Head(predict, task="segmentation", scores=("score", "upsample"), pad=pad)
