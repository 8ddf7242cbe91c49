"""What detectron2's files of ResNets do not show in their tensors: the stride of a bottleneck, and the pixels.

From its tools/convert-torchvision-to-d2.py and MODEL_ZOO.md: networks that it converted from torchvision have the
stride in the 3x3 convolution, and take RGB pixels of mean 0 and deviation 1. MSRA's have the stride in the first 1x1
convolution, and take BGR pixels from which the mean is subtracted.
"""

from typing import Any

from keras_cnns.blocks.preprocessing import Preprocessing
from keras_cnns.support.errors import UnreadableFile

BGR = Preprocessing(offset=(-103.53, -116.28, -123.675), bgr=True)  # PIXEL_MEAN of its configurations


def columns(name: str, author: str, path: object) -> tuple[dict[str, Any], list[str]]:
    """(columns of the row that differ for a file of that author, notes about what was assumed).

    Args:
      name: our name of the network.
      author: "__author__" of the file; "" where it has none, as after a training.
      path: of the file, for messages.

    Raises:
      UserError: the author's networks have the stride elsewhere.
    """
    bottleneck = name not in ("resnet18", "resnet34")
    in_first = not name.endswith("_v1_5")
    from_torchvision = author == "torchvision"
    if bottleneck and author and in_first == from_torchvision:
        other = f"{name}_v1_5" if from_torchvision else name.removesuffix("_v1_5")
        raise UnreadableFile(
            f"{path} was converted by detectron2 from {author}, whose networks have the stride of {other}, not of "
            f"{name}."
        )
    pixels = {"preprocessing": "torch" if from_torchvision else BGR}
    if author or not bottleneck:
        return pixels, []
    place = "first 1x1" if in_first else "3x3"
    note = f"detectron2 does not write STRIDE_IN_1X1 into the file: the stride is assumed to be in the {place} "
    return pixels, [f"{note}convolution of a block, as in {name}."]
