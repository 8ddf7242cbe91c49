"""Other libraries' layer names in models/efficientnet_lite.py's words, which are models/efficientnet.py's."""

from keras_cnns.weights.renames.efficientnet import timm  # noqa: F401

PEERS = {"timm": {f"efficientnet_lite{i}": f"tf_efficientnet_lite{i}" for i in range(5)}}  # the authors' weights
