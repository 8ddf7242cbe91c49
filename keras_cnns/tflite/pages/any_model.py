"""Old path of `keras_cnns.export_scripts.any_model`."""

import warnings

from keras_cnns.export_scripts.any_model import read_folder, run  # noqa: F401

warnings.warn("import from keras_cnns.export_scripts.any_model", DeprecationWarning, stacklevel=2)
