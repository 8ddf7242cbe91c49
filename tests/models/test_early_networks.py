"""The early networks and those of 2012 to 2014: the papers' layer tables."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.models.nin import IMAGENET
from keras_cnns.profiling.layer_table import profile
from keras_cnns.testing import randomize


def stages(name):
    """Parameters by stage, without the stages that have none."""
    totals = {}
    for layer in profile(build(name)):
        totals[layer.stage] = totals.get(layer.stage, 0) + layer.params
    return {stage: params for stage, params in totals.items() if params}


def neurons(name, *layers):
    model = build(name)
    return [int(np.prod(model.get_layer(layer).output.shape[1:])) for layer in layers]


def test_tdnn():
    assert stages("tdnn") == {"hidden1": 392, "hidden2": 123}


def test_tdnn_does_not_care_when_a_phoneme_is_spoken():
    """Waibel's point: the sum over time is the same wherever in the frames the pattern lies."""
    model = randomize(build("tdnn", input_shape=(40, 16, 1), classifier_activation=None))
    phoneme = np.random.default_rng(0).normal(size=(9, 16, 1))
    early, late = np.zeros((2, 40, 16, 1), "float32")
    early[6:15], late[20:29] = phoneme, phoneme
    y = model(np.stack([early, late])).numpy()
    np.testing.assert_allclose(y[0], y[1], atol=1e-5)
    assert np.abs(y[0] - model(np.zeros((1, 40, 16, 1))).numpy()).max() > 0.1


def test_lenet5_1998():
    published = {"C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48_120, "F6": 10_164}
    assert stages("lenet5_1998") == published | {"rbf": 840} and sum(published.values()) == 60_000


def test_lenet5_1998_squashes_plus_and_minus_one_to_themselves():
    """1.7159 tanh(2/3 x): f(1) = 1, f(-1) = -1 (appendix A)."""
    model = build("lenet5_1998")
    for name in ("C1", "S2", "C3", "S4", "C5", "F6"):
        slope, amplitude = model.get_layer(f"{name}_slope"), model.get_layer(f"{name}_amplitude")
        y = amplitude(np.tanh(slope(np.array([-1.0, 1.0, 100.0]))))
        np.testing.assert_allclose(y, [-1, 1, 1.7159], atol=1e-4)


def test_lenet5_1998_scores_are_distances_negated():
    model = build("lenet5_1998", classifier_activation=None)
    picture = np.random.default_rng(0).uniform(size=(2, 32, 32, 1)).astype("float32")
    f6 = keras.Model(model.input, model.get_layer("F6_amplitude").output)(picture).numpy()
    codes = model.get_layer("rbf").codes.numpy()
    expected = -((f6[:, :, None] - codes[None]) ** 2).sum(axis=1)
    np.testing.assert_allclose(model(picture), expected, rtol=1e-4)


def test_simple_cnn():
    model = build("simple_cnn")
    sizes = [model.get_layer(name).output.shape[1:] for name in ("conv1_relu", "pool1", "conv2_relu", "pool2")]
    assert sizes == [(28, 28, 16), (14, 14, 16), (14, 14, 32), (7, 7, 32)] and model.output_shape == (None, 10)


def test_alexnet_one_tower_by_layer():
    assert list(stages("alexnet_one_tower").values()) == [
        *(34_944, 614_656, 885_120, 1_327_488, 884_992),
        *(37_752_832, 16_781_312, 4_097_000),
    ]


def test_alexnets_neurons():
    layers = ("conv2_relu", "conv3_relu", "conv4_relu", "conv5_relu", "fc6_relu", "fc7_relu", "predictions")
    assert neurons("alexnet", *layers) == [186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_alexnets_towers_meet_in_the_third_layer():
    model = build("alexnet", include_top=False)
    assert [model.get_layer(f"conv{i}_conv").groups for i in range(1, 6)] == [1, 2, 1, 2, 2]


def test_zfnet():
    model = build("zfnet")
    names = ("conv1_relu", "pool1", "conv2_relu", "pool2", "conv3_relu", "conv5_relu", "pool5")
    assert [model.get_layer(name).output.shape[1] for name in names] == [110, 55, 26, 13, 13, 13, 6]


@pytest.mark.parametrize("classes", [3, 10])
def test_nin_has_a_map_a_class_and_no_dense_layer(classes):
    model = build("nin_cifar", classes=classes)
    assert model.get_layer("predictions_conv").output.shape[1:] == (8, 8, classes)
    assert not [layer for layer in model.layers if type(layer).__name__ in ("Dense", "Flatten")]


def test_nin_takes_any_size():
    assert build("nin", input_shape=(None, None, 3), mlpconvs=IMAGENET).output_shape == (None, 1000)


@pytest.mark.parametrize(
    ("name", "layers"), [("vgg11", 11), ("vgg13", 13), ("vgg16_1x1", 16), ("vgg16", 16), ("vgg19", 19)]
)
def test_vgg_counts_layers_with_weights(name, layers):
    model = build(name, include_top=False)  # and three fully connected
    assert sum(bool(layer.weights) for layer in model.layers) + 3 == layers


def test_vggs_c_has_1x1_where_d_has_3x3():
    model = build("vgg16_1x1", include_top=False)
    assert [model.get_layer(f"conv{block}_3_conv").kernel_size for block in (3, 4, 5)] == [(1, 1)] * 3


def test_vggs_levels_are_what_others_build_upon():
    """FCN's pool3 and pool4 follow C2 and C3; Fast R-CNN's conv5_3 is C4."""
    model = build("vgg16", features_only=True, input_shape=(None, None, 3))
    made_by = {level: x._keras_history.operation.name for level, x in model.output.items()}
    assert made_by == {
        **{"C1": "conv2_2_relu", "C2": "conv3_3_relu", "C3": "conv4_3_relu", "C4": "conv5_3_relu"},
        "C5": "pool5",
    }
