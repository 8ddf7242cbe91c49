"""Layers Keras does not have, each made - and with it registered for `keras.saving.load_model` - at its first use.

registration.py makes them all as soon as there is a Keras to register with.
"""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "AdaptivePooling2D": "adaptive_pooling",
        "Bilinear": "bilinear",
        "CropLike": "any_size",
        "Detections": "detections",
        "EuclideanRBF": "euclidean_rbf",
        "FlattenRegions": "flatten_regions",
        "GroupedConv2D": "grouped",
        "HeldBatchNormalization": "held_normalization",
        "LocalContrastNormalization": "local_contrast",
        "LocalResponseNormalization": "local_response",
        "PadToMultiple": "any_size",
        "Proposals": "proposals",
        "PyramidProposals": "pyramid_proposals",
        "PyramidRoIAlign": "pyramid_roi_align",
        "ResizeLike": "any_size",
        "RoIAlign": "roi_align",
        "RoIMaxPooling": "roi_max_pooling",
        "StandardizedConv2D": "standardized",
        "TableConv2D": "table_conv",
        "WeightedPooling2D": "weighted_pooling",
    },
)
