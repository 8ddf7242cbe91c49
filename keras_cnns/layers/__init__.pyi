# Written by `python -m keras_cnns.maintenance.stubs`.
from .adaptive_pooling import AdaptivePooling2D as AdaptivePooling2D
from .any_size import CropLike as CropLike
from .any_size import PadToMultiple as PadToMultiple
from .any_size import ResizeLike as ResizeLike
from .bilinear import Bilinear as Bilinear
from .detections import Detections as Detections
from .euclidean_rbf import EuclideanRBF as EuclideanRBF
from .flatten_regions import FlattenRegions as FlattenRegions
from .grouped import GroupedConv2D as GroupedConv2D
from .held_normalization import HeldBatchNormalization as HeldBatchNormalization
from .local_contrast import LocalContrastNormalization as LocalContrastNormalization
from .local_response import LocalResponseNormalization as LocalResponseNormalization
from .proposals import Proposals as Proposals
from .pyramid_proposals import PyramidProposals as PyramidProposals
from .pyramid_roi_align import PyramidRoIAlign as PyramidRoIAlign
from .roi_align import RoIAlign as RoIAlign
from .roi_max_pooling import RoIMaxPooling as RoIMaxPooling
from .standardized import StandardizedConv2D as StandardizedConv2D
from .table_conv import TableConv2D as TableConv2D
from .weighted_pooling import WeightedPooling2D as WeightedPooling2D

__all__ = [
    "AdaptivePooling2D",
    "Bilinear",
    "CropLike",
    "Detections",
    "EuclideanRBF",
    "FlattenRegions",
    "GroupedConv2D",
    "HeldBatchNormalization",
    "LocalContrastNormalization",
    "LocalResponseNormalization",
    "PadToMultiple",
    "Proposals",
    "PyramidProposals",
    "PyramidRoIAlign",
    "ResizeLike",
    "RoIAlign",
    "RoIMaxPooling",
    "StandardizedConv2D",
    "TableConv2D",
    "WeightedPooling2D",
]
