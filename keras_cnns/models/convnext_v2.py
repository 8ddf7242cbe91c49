"""ConvNeXt V2. Woo et al. 2023, "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders", 2301.00808.

Appendix A.1: the widths and depths. Global response normalization takes the place of the factors of version 1.
"""

from functools import partial

from keras_cnns.family.variant import Paper
from keras_cnns.models.convnext import HEAD, ConvNeXt, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper(
    "Woo et al.", 2023, "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders", "2301.00808"
)

row = partial(ConvNeXt, layer_scale=0.0, grn=True)

VARIANTS = {
    "convnext_v2_atto": row((40, 80, 160, 320), (2, 2, 6, 2), 0.1),
    "convnext_v2_femto": row((48, 96, 192, 384), (2, 2, 6, 2), 0.1),
    "convnext_v2_pico": row((64, 128, 256, 512), (2, 2, 6, 2), 0.1),
    "convnext_v2_nano": row((80, 160, 320, 640), (2, 2, 8, 2), 0.1),
    "convnext_v2_tiny": row((96, 192, 384, 768), (3, 3, 9, 3), 0.2),
    "convnext_v2_base": row((128, 256, 512, 1024), (3, 3, 27, 3), 0.1),
    "convnext_v2_large": row((192, 384, 768, 1536), (3, 3, 27, 3), 0.2),
}
