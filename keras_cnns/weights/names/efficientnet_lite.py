"""Other libraries' layer names in models/efficientnet_lite.py's words, which are models/efficientnet.py's."""

from keras_cnns.weights.names.efficientnet import efficientnet_pytorch, keras_hub, timm
from keras_cnns.weights.names.table import Names

# the authors' weights, in both
PEERS = {
    "timm": {f"efficientnet_lite{i}": f"tf_efficientnet_lite{i}" for i in range(5)},
    "efficientnet_pytorch": {f"efficientnet_lite{i}": f"efficientnet-lite{i}" for i in range(5)},
    "keras_hub": {f"efficientnet_lite{i}": "EfficientNetBackbone" for i in range(5)},
}


NAMES = Names(PEERS, {"timm": timm, "efficientnet_pytorch": efficientnet_pytorch, "keras_hub": keras_hub})
