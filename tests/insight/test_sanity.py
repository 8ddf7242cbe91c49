"""The checks of the maps: a method that looks at the weights passes, one that only finds edges does not."""

import numpy as np
import pytest

from keras_cnns import build, insight
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.sanity import rank_correlation
from keras_cnns.testing import pictures, randomize
from tests.insight.test_maps import planted, two_objects


def edges(model, images, target):
    """A "method" that never looks at the model."""
    return np.abs(np.diff(images[..., 0], axis=1, prepend=0))


def test_randomized_weights_change_a_map_and_leave_the_model_alone():
    model, images = randomize(build("lenet5")), pictures(2, (32, 32, 1))
    before = [w.copy() for w in model.get_weights()]
    heatmap = insight.weights_matter(insight.saliency, model, images, (1, 2))
    assert next(iter(heatmap)) == "predictions" and list(heatmap)[-1] == "C1_conv"
    assert abs(list(heatmap.values())[-1]) < 0.5
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_edge_detector_is_found_out():
    model, images = randomize(build("lenet5")), pictures(1, (32, 32, 1))
    assert min(insight.weights_matter(edges, model, images).values()) == pytest.approx(1)


def test_the_model_has_its_weights_again_when_a_method_fails():
    model, calls = randomize(build("lenet5")), []

    def failing(*args):
        calls.append(args)
        if len(calls) == 3:
            raise RuntimeError
        return pictures(1, (4, 4, 1))

    before = model.get_weights()
    with pytest.raises(RuntimeError):
        insight.weights_matter(failing, model, pictures(1, (32, 32, 1)))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", [insight.grad_cam, insight.occlusion])
def test_a_maps_order_beats_random_ones(method):
    model, picture = planted(), two_objects()
    for target in (0, 1):
        heatmap = insight.beats_random(model, picture[0], method(model, picture, target)[0], target)
        assert heatmap["deletion"][0] < heatmap["deletion"][1]
        assert heatmap["insertion"][0] > heatmap["insertion"][1]
        worst = insight.beats_random(model, picture[0], -method(model, picture, target)[0], target)
        assert worst["insertion"][0] < worst["insertion"][1]


def test_random_orders_are_the_map_elsewhere():
    """As many pixels at each height, in one piece as before, and never where they were."""
    from keras_cnns.insight.sanity import _elsewhere

    order, rng = np.zeros((16, 16)), np.random.default_rng(3)
    order[2:6, 1:4] = np.arange(12).reshape(4, 3) + 1
    for _ in range(20):
        moved = _elsewhere(order, rng)
        np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(order, axis=None))
        assert ((moved > 0) & (order > 0)).sum() == 0
        turned = np.roll(moved, -np.argwhere(moved == 1)[0], axis=(0, 1))
        assert (turned > 0).sum(0).max() == 4  # four rows high still


def test_the_curves_begin_and_end_at_the_whole_and_the_covered_picture():
    model, picture = planted(), two_objects()
    order = np.arange(32 * 32).reshape(32, 32)
    away, back = (f(model, picture[0], order, 0, steps=4, value=0.0) for f in (insight.deletion, insight.insertion))
    assert away.scores[0] == pytest.approx(back.scores[-1]) and away.scores[-1] == pytest.approx(back.scores[0])
    assert away.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    half = picture[0].copy()
    half[16:] = 0  # the highest values of the order are its lower half
    network = InspectedModel(model)
    assert away.scores[2] == pytest.approx(
        float(network.scores(half[None], insight.Class(0), probabilities=True)[0]), abs=1e-5
    )


def test_rank_correlation():
    a = np.array([[[1.0, 2], [3, 4]]])
    assert rank_correlation(a, a * 10 + 5) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(1)  # sizes: a map and its negative point at the same pixels
    assert rank_correlation(a, 5 - a) == pytest.approx(-1)
    assert rank_correlation(a, np.ones_like(a)) == 0
