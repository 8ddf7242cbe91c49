"""Other libraries' layer names in models/resnext.py's words, which are models/resnet.py's."""

from keras_cnns.weights.names.resnet import timm, torchvision
from keras_cnns.weights.names.table import Names

SAME = {name: name for name in ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d")}
# the paper's other cardinalities C and widths d are timm's network with options
TEMPLATES = {
    f"resnext{depth}_{C}x{d}d": f"resnext{depth}_32x4d(cardinality={C}, base_width={d})"
    for depth in (50, 101)
    for C, d in [(1, 64), (2, 40), (4, 24), (8, 14)] + [(2, 64)] * (depth == 101)
}
PEERS = {"torchvision": SAME, "timm": SAME | {"resnext101_32x4d": "resnext101_32x4d"} | TEMPLATES}


NAMES = Names(PEERS, {"torchvision": torchvision, "timm": timm})
