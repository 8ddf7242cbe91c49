"""Other libraries' layer names in models/convnext_v2.py's words."""

from keras_cnns.models.convnext_v2 import VARIANTS
from keras_cnns.weights.names.convnext import timm
from keras_cnns.weights.names.table import Names

NAMES = Names({"timm": {name: name.replace("_v2", "v2") for name in VARIANTS}}, {"timm": timm}, columns={"timm": {}})
