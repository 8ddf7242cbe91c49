"""What holds for every name: it weighs what it should, trains, saves, gives levels and becomes a .tflite file.

Most names are marked slow; QUICK keeps a few of every kind in the default run.
"""

import fcntl
import json
from decimal import Decimal

import keras
import numpy as np
import pytest

from keras_cnns import build, list_models
from keras_cnns.family.head import no_padding
from keras_cnns.maintenance.record_counts import GOLDEN as PATH
from keras_cnns.maintenance.record_counts import measure, read
from keras_cnns.registry.registry import counts, entry
from keras_cnns.testing import (
    check_exports,
    check_levels,
    check_saves,
    check_trains,
    randomize,
    samples,
    small_network,
    small_shape,
)

GOLDEN = read(PATH)
PUBLISHED = read(PATH.with_name("published.json"))

QUICK = {
    "tdnn",
    "lenet5",
    "lenet5_1998",
    "simple_cnn",
    "resnet20_cifar",
    "highway11_cifar",
    "mobilenet_v1",
    "squeezenet1_1",
    "resnet18",
}
HUGE = 300e6  # parameters; beyond it a network is built and run, but not trained, saved or exported
DETECTORS = [name for name in list_models() if entry(name).task == "detection"]


def each(names, *, quick=frozenset(QUICK)):
    """The names, small ones first, all but the quick ones marked slow."""
    names = sorted(names, key=params)
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def params(name):
    return counts().get(name, {"params": 0})["params"]


def of_bearable_size():
    return [name for name in list_models() if params(name) < HUGE]


@pytest.fixture
def one_at_a_time(request, tmp_path_factory):
    """Over 100 million parameters the converter takes 8 GB: such networks wait for each other, in whichever process."""
    with open(tmp_path_factory.getbasetemp().parent / "large.lock", "w") as lock:
        if params(request.node.callspec.params["name"]) > 100e6:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_every_name_is_recorded_and_nothing_else():
    assert list(GOLDEN) == list(counts()) == list_models()
    assert {name: {k: row[k] for k in ("params", "trainable", "macs")} for name, row in GOLDEN.items()} == counts()


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in list_models()])
def test_weighs_what_was_published(name):
    published, ours = PUBLISHED[name], counts()[name]
    for key in ("params", "trainable"):
        assert published.get(key, ours[key]) == ours[key]
    if "gmacs" in published:
        assert ours["macs"] / 1e9 == pytest.approx(published["gmacs"], rel=0.012, abs=0.001)
    if "millions" in published:  # a paper's figure: to its last digit, or a hundredth
        last_digit = 10.0 ** Decimal(published["millions"]).as_tuple().exponent
        assert ours["trainable"] / 1e6 == pytest.approx(float(published["millions"]), abs=last_digit / 2, rel=0.015)


def test_no_name_is_a_copy_of_another():
    seen = {}
    for name, row in GOLDEN.items():
        seen.setdefault(json.dumps([row["digest"], row["levels"], row["macs"]]), []).append(name)
    copies = [names for names in seen.values() if len(names) > 1]
    # ResNeXt's Table 3 begins with ResNet itself
    assert copies == [["resnet50_v1_5", "resnext50_1x64d"], ["resnet101_v1_5", "resnext101_1x64d"]]


@pytest.mark.parametrize("name", each(list_models(), quick=QUICK - {"resnet18", "mobilenet_v1"}))
def test_is_as_recorded(name):
    measured, recorded = measure(name), dict(GOLDEN[name])
    length, *first = recorded.pop("digest")
    answer = measured.pop("digest")
    assert measured == recorded
    np.testing.assert_allclose(answer, [length, *first], atol=2e-3 * max(map(abs, first)), rtol=2e-3)


@pytest.mark.parametrize(
    "name",
    [  # its maps are one coefficient wide; another's stages are dilated
        name
        for name in list_models()
        if name != "tdnn" and "output_stride" not in getattr(entry(name).variant, "columns", {})
    ],
)
def test_level_n_is_2_to_the_n_smaller_than_the_picture(name):
    shape = entry(name).variant.input_shape
    if entry(name).head.pad is not no_padding:  # to a size that halves evenly
        shape = [-(-side // 32) * 32 for side in shape[:2]]
    check_levels(GOLDEN[name]["levels"], shape)


@pytest.mark.parametrize("name", each(of_bearable_size()))
def test_answers_at_its_smallest_size(name):
    height, width, channels = entry(name).variant.input_shape
    side = entry(name).variant.min_size
    shape = (min(side, height), min(side, width), channels)
    model = randomize(build(name, input_shape=shape))
    assert all(np.isfinite(y).all() for y in keras.tree.flatten(model(samples(model, 1), training=False)))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", each([n for n in of_bearable_size() if n not in DETECTORS]))
def test_one_step_moves_every_variable_and_lowers_the_loss(name):
    keras.utils.set_random_seed(0)
    check_trains(build(name, input_shape=small_shape(name), classifier_activation=None))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", each(of_bearable_size()))
def test_saves_and_loads_back_without_custom_objects(name):
    check_saves(small_network(name, classifier_activation="softmax"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", each(of_bearable_size(), quick=QUICK - {"resnet18", "mobilenet_v1"}))
def test_exports_to_float32_tflite(name, one_at_a_time):
    check_exports(small_network(name))
