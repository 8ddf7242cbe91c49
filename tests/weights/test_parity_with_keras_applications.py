"""The same weights in keras.applications' networks and in ours give the same logits, also at an odd size."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.weights.assign import assign
from keras_cnns.weights.renames import rename
from tests.conftest import pictures, randomize

PEERS = {
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "resnet50_v2": "ResNet50V2",
    "resnet101_v2": "ResNet101V2",
    "resnet152_v2": "ResNet152V2",
    "densenet121": "DenseNet121",
    "densenet169": "DenseNet169",
    "densenet201": "DenseNet201",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_b0": "EfficientNetB0",
    "efficientnet_b1": "EfficientNetB1",
    "efficientnet_b2": "EfficientNetB2",
    "efficientnet_b3": "EfficientNetB3",
    "efficientnet_b4": "EfficientNetB4",
    "efficientnet_b5": "EfficientNetB5",
    "efficientnet_b6": "EfficientNetB6",
    "efficientnet_b7": "EfficientNetB7",
}


@pytest.mark.parametrize("name", PEERS)
def test_same_weights_give_the_same_logits(name):
    shape = (75, 97, 3)  # odd: here the padding rules part
    peer = getattr(keras.applications, PEERS[name])(weights=None, input_shape=shape, classifier_activation=None)
    randomize(peer)
    ours = build(
        name,
        input_shape=shape,
        classifier_activation=None,
        include_preprocessing="efficientnet" in name,
    )
    assign(ours, rename(name, {v.path: v.numpy() for v in peer.weights}, "keras"))
    images = pictures(2, shape, high=255 if "efficientnet" in name else 1)
    expected, actual = peer(images, training=False).numpy(), ours(images, training=False).numpy()
    assert np.std(expected[0] - expected[1]) > 1e-3 * np.abs(expected).max(), "the pictures must matter"
    assert np.abs(expected - actual).max() < 1e-4 * np.abs(expected).max()
