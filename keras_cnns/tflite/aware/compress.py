"""Old path of `prune`, `cluster`, `KeepCompressed`, `sparsity` and `gzip_size` of `keras_cnns.tflite`."""

import warnings

from keras_cnns.tflite.compress.clustering import cluster  # noqa: F401
from keras_cnns.tflite.compress.keep import KeepCompressed as Keep  # noqa: F401
from keras_cnns.tflite.compress.kernels import SMALLEST, gzip_size, sparsity  # noqa: F401
from keras_cnns.tflite.compress.pruning import prune  # noqa: F401

warnings.warn("import from keras_cnns.tflite", DeprecationWarning, stacklevel=2)
