"""Old path of `keras_cnns.saving.card`; it goes with the next release."""

import warnings

from keras_cnns.saving.card import Card, read_card, write_card  # noqa: F401

warnings.warn("import Card from keras_cnns.saving.card", DeprecationWarning, stacklevel=2)
