"""Layers that Keras does not have. Importing this package loads Keras and registers the layers with it.

`keras_cnns.build` and `keras_cnns.load_model` import it. Write `import keras_cnns.layers` before you load a `.keras`
file of this package with `keras.saving.load_model`.
"""

from keras_cnns.layers.adaptive_pooling import AdaptivePooling2D
from keras_cnns.layers.any_size import CropLike, PadToMultiple, ResizeLike, SamePadding2D
from keras_cnns.layers.bilinear import Bilinear
from keras_cnns.layers.dense_detections import DenseDetections
from keras_cnns.layers.detections import Detections
from keras_cnns.layers.euclidean_rbf import EuclideanRBF
from keras_cnns.layers.flatten_regions import FlattenRegions
from keras_cnns.layers.grouped import GroupedConv2D
from keras_cnns.layers.held_normalization import HeldBatchNormalization
from keras_cnns.layers.layer_scale import LayerScale
from keras_cnns.layers.local_contrast import LocalContrastNormalization
from keras_cnns.layers.local_response import LocalResponseNormalization
from keras_cnns.layers.proposals import Proposals
from keras_cnns.layers.pyramid_proposals import PyramidProposals
from keras_cnns.layers.pyramid_roi_align import PyramidRoIAlign
from keras_cnns.layers.response_normalization import GlobalResponseNormalization
from keras_cnns.layers.retinanet_detections import RetinaNetDetections
from keras_cnns.layers.roi_align import RoIAlign
from keras_cnns.layers.roi_max_pooling import RoIMaxPooling
from keras_cnns.layers.ssd_detections import SSDDetections
from keras_cnns.layers.standardized import StandardizedConv2D
from keras_cnns.layers.table_conv import TableConv2D
from keras_cnns.layers.weighted_pooling import WeightedPooling2D
from keras_cnns.layers.yolox_detections import YOLOXDetections

__all__ = [
    "AdaptivePooling2D",
    "Bilinear",
    "CropLike",
    "DenseDetections",
    "Detections",
    "EuclideanRBF",
    "FlattenRegions",
    "GlobalResponseNormalization",
    "GroupedConv2D",
    "HeldBatchNormalization",
    "LayerScale",
    "LocalContrastNormalization",
    "LocalResponseNormalization",
    "PadToMultiple",
    "Proposals",
    "PyramidProposals",
    "PyramidRoIAlign",
    "ResizeLike",
    "RetinaNetDetections",
    "RoIAlign",
    "RoIMaxPooling",
    "SSDDetections",
    "SamePadding2D",
    "StandardizedConv2D",
    "TableConv2D",
    "WeightedPooling2D",
    "YOLOXDetections",
]
