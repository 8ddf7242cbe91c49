"""Other libraries' layer names in models/se_resnet.py's words, which are models/resnet.py's."""

from keras_cnns.weights.names.resnet import timm  # noqa: F401

PEERS = {"timm": {"se_resnet50": "seresnet50"}}
