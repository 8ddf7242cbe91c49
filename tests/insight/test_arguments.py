"""What callers give to `keras_cnns.insight`: a value of another kind or out of range is refused in one line."""

import math

import keras
import numpy as np
import pytest

from keras_cnns import UserError, insight
from keras_cnns.insight.maps.inspected_model import InspectedModel
from tests.insight.test_maps import planted, two_objects

ODD = [-1, 0, 1.5, math.nan, math.inf, True, "3", b"3", [], (), {}, object(), np.nan, np.array([1.0, 2.0]), [[1]]]
UNIT = insight.Unit("pool", 0)
CALLS = {
    "grad_cam": (lambda m, x, **k: insight.grad_cam(m, x, 0, **k), ["batch", "layer"]),
    "occlusion": (lambda m, x, **k: insight.occlusion(m, x, 0, **k), ["batch", "patch", "stride", "value"]),
    "integrated_gradients": (
        lambda m, x, **k: insight.integrated_gradients(m, x, 0, **k),
        ["batch", "steps", "baseline"],
    ),
    "saliency": (lambda m, x, **k: insight.saliency(m, x, 0, **k), ["batch"]),
    "cam": (lambda m, x, **k: insight.cam(m, x, 0, **k), ["batch"]),
    "deconvnet": (lambda m, x, **k: insight.deconvnet(m, x, UNIT, **k), ["batch"]),
    "top_activations": (lambda m, x, **k: insight.top_activations(m, x, **{"layer": "pool", "channel": 0, **k}),
                        ["layer", "channel", "count", "batch"]),
    "feature_maps": (lambda m, x, **k: insight.feature_maps(m, x, **{"layer": "pool", **k}), ["layer", "batch"]),
    "filters": (lambda m, x, **k: insight.filters(m, **k), ["layer"]),
    "maximize": (
        lambda m, x, **k: insight.maximize(m, 0, **{"steps": 1, **k}),
        ["steps", "rate", "shift", "turn", "zoom", "low", "high", "decay", "seed", "size"],
    ),
    "deletion": (
        lambda m, x, **k: insight.deletion(m, x[0], **{"order": x[0, ..., 0], "target": 0, **k}),
        ["order", "target", "steps", "value"],
    ),
    "Class": (lambda m, x, **k: insight.saliency(m, x, insight.Class(**k)), ["index", "output"]),
    "Unit": (lambda m, x, **k: insight.deconvnet(m, x, insight.Unit(**{"layer": "pool", "channel": 0, **k})),
             ["channel", "position"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_an_odd_value_is_refused_in_one_line_or_used(name):
    """Nothing but `UserError` leaves a method, and what it returns is finite."""
    call, arguments = CALLS[name]
    model, pictures = planted(), two_objects()
    refused = 0
    for argument in arguments:
        for value in ODD:
            try:
                result = call(model, pictures, **{argument: value})
            except UserError as error:
                refused += 1
                assert str(error) and "\n" not in str(error)
            else:
                if isinstance(result, np.ndarray):
                    assert np.isfinite(result).all(), (argument, value)
    assert refused >= 8 * len(arguments) - 2


@pytest.mark.parametrize("batch", [-1, 0, 2.5, "8", None, True])
def test_a_batch_is_a_whole_number_from_1(batch):
    with pytest.raises(UserError, match="batch is .*whole number from 1 up"):
        insight.occlusion(planted(), two_objects(), 0, batch=batch)


def broken():
    model = planted()
    kernel = model.get_layer("scores").weights[0]
    kernel.assign(np.full(kernel.shape, np.nan))
    return model


@pytest.mark.parametrize(
    "method",
    ["grad_cam", "saliency", "occlusion", "integrated_gradients", "cam", "guided_grad_cam", "grad_cam_plus_plus"],
)
def test_a_network_that_answers_nan_is_refused_in_one_line(method):
    with pytest.raises(UserError, match="not finite") as error:
        getattr(insight, method)(broken(), two_objects())
    assert "\n" not in str(error.value)


def test_a_target_returns_a_score_for_each_picture():
    with pytest.raises(UserError, match="one score for each picture"):
        insight.saliency(planted(), two_objects(), lambda outputs: outputs)


@pytest.mark.parametrize("method", ["saliency", "maximize"])
def test_a_target_that_fails_on_the_outputs_is_refused(method):
    """Another model, or a function with a mistake."""
    model = planted()
    arguments = {"steps": 1} if method == "maximize" else {"pictures": two_objects()}
    for target in (model, lambda outputs: outputs["scores"]):
        with pytest.raises(UserError, match="the target fails on the outputs"):
            getattr(insight, method)(model, target=target, **arguments)


def one_sigmoid():
    """Red speaks for class 1, blue for class 0; the network answers 0."""
    pixels = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="maps")
    scores = keras.layers.Dense(1, "sigmoid", name="scores")
    model = keras.Model(pixels, scores(keras.layers.GlobalAveragePooling2D()(maps(pixels))))
    kernel = np.zeros((3, 3, 3, 2))
    kernel[1, 1, 0, 0] = kernel[1, 1, 2, 1] = 1
    maps.set_weights([kernel, np.zeros(2)])
    scores.set_weights([np.array([[20.0], [-60.0]]), np.array([-2.0])])
    picture = np.zeros((1, 32, 32, 3), "float32")
    picture[0, 4:12, 4:12, 0] = picture[0, 20:28, 20:28, 2] = 1
    return model, picture


METHODS = ["grad_cam", "cam", "occlusion", "integrated_gradients", "saliency", "guided_grad_cam"]


def strength(method, model, picture, target):
    """(how much the red square speaks for the target, how much the blue one does)."""
    result = getattr(insight, method)(model, picture, target)[0]
    result = result.sum(-1) if result.ndim == 3 else result
    return result[5:11, 5:11].mean(), result[21:27, 21:27].mean()


@pytest.mark.parametrize("method", METHODS)
def test_either_class_of_one_sigmoid_is_explained(method):
    model, picture = one_sigmoid()
    assert model.predict(picture, verbose=0)[0, 0] < 0.1
    red, blue = strength(method, model, picture, 1)
    assert red > blue
    red, blue = strength(method, model, picture, 0)
    assert blue > red
    assert strength(method, model, picture, None) == pytest.approx((red, blue))  # it answers class 0


def test_scores_of_one_sigmoid_are_of_two_classes():
    model, picture = one_sigmoid()
    network = InspectedModel(model)
    zero, first = (float(network.scores(picture, insight.Class(i), probabilities=True)[0]) for i in (0, 1))
    assert first == pytest.approx(
        float(model.predict(picture, verbose=0)[0, 0]), abs=1e-6
    ) and zero + first == pytest.approx(1)
    with pytest.raises(UserError, match="no class 2: the model has 2"):
        insight.saliency(model, picture, 2)


def test_one_linear_output_is_no_pair_of_classes():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))
    picture = np.ones((1, 4, 4, 1), "float32")
    np.testing.assert_allclose(insight.saliency(model, picture, 0).ravel(), model.weights[0].numpy().ravel(), rtol=1e-6)
    with pytest.raises(UserError, match="no class 1: the model has 1"):
        insight.saliency(model, picture, 1)
