"""Old path of `keras_cnns.inference.predict`; it goes with the next release."""

import warnings

from keras_cnns.inference.predict import predict  # noqa: F401

warnings.warn("import predict from keras_cnns.inference.predict", DeprecationWarning, stacklevel=2)
