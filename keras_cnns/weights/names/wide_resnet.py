"""Other libraries' layer names in models/wide_resnet.py's words, which are models/resnet.py's."""

from keras_cnns.weights.names.resnet import timm, torchvision
from keras_cnns.weights.names.table import Names

SAME = {name: name for name in ("wide_resnet50_2", "wide_resnet101_2")}
PEERS = {"torchvision": SAME, "timm": SAME}


NAMES = Names(PEERS, {"torchvision": torchvision, "timm": timm})
