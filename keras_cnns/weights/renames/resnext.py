"""Other libraries' layer names in models/resnext.py's words, which are models/resnet.py's."""

from keras_cnns.weights.renames.resnet import timm, torchvision  # noqa: F401

SAME = {name: name for name in ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d")}
PEERS = {"torchvision": SAME, "timm": SAME | {"resnext101_32x4d": "resnext101_32x4d"}}
