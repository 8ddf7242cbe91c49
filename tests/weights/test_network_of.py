"""Which network a model is, whatever its user called it, and whatever of it was kept."""

import keras
import pytest

import keras_cnns
from keras_cnns.weights.load import network_of

SHAPE = (80, 80, 3)


def other(model, tmp_path, name):
    """The model from a file, which remembers nothing of who built it, under another name."""
    model.save(tmp_path / "x.keras")
    result = keras.saving.load_model(tmp_path / "x.keras", compile=False)
    result.name = name
    return result


NETWORKS = ["resnet18", "resnet50", "resnet50_v1_5", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1"]
SLOW = [
    "efficientnet_b1",
    "densenet121",
    "inception_v3",
    "googlenet_bn",
    "xception",
    "alexnet_v2",
    "nin",
    "mnasnet_100",
]


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
@pytest.mark.parametrize(
    "top", ["with", *(pytest.param(top, marks=pytest.mark.slow) for top in ("another", "none", "pooled"))]
)
def test_a_model_renamed_by_its_user_still_finds_its_tables(name, top, tmp_path):
    options = {"with": {}, "another": {"classes": 7}, "none": {"include_top": False}}
    options["pooled"] = {"include_top": False, "pooling": "avg"}
    shape = (224, 224, 3) if name.startswith(("vgg", "alexnet")) else SHAPE
    model = keras_cnns.build(name, input_shape=shape, **options[top])
    assert network_of(other(model, tmp_path, "mine")) == name


@pytest.mark.slow
def test_another_width_is_no_network_of_that_name(tmp_path):
    model = keras_cnns.build("mobilenet_v2", width=0.5, include_top=False, input_shape=SHAPE)
    assert network_of(other(model, tmp_path, "mine")) == "mine"


@pytest.mark.slow
def test_a_network_that_is_none_of_ours():
    layers = keras.layers
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()], name="mine")
    assert network_of(model) == "mine"
