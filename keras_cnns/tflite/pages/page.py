"""Old path of `keras_cnns.export_scripts.script`."""

import warnings

from keras_cnns.export_scripts.script import IMAGENET, Shipment, of_run, run, ship  # noqa: F401

warnings.warn("import from keras_cnns.export_scripts.script", DeprecationWarning, stacklevel=2)
