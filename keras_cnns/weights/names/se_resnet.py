"""Other libraries' layer names in models/se_resnet.py's words, which are models/resnet.py's."""

from keras_cnns.weights.names.resnet import timm
from keras_cnns.weights.names.table import Names

PEERS = {"timm": {"se_resnet50": "seresnet50"}}


NAMES = Names(PEERS, {"timm": timm})
