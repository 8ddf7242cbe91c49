"""Fast R-CNN: boxes are an input, any number of them, and each class refines them its own way."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.models.fast_rcnn import parts
from keras_cnns.testing import pictures, randomize, samples

SMALL = {
    "backbone": "vgg11_bn",
    "columns": {"widths": (4, 8, 8, 8, 8)},
    "level": "C3",
    "fc": (16,),
    "detections": 7,
    "classes": 3,
    "input_shape": (64, 96, 3),
}


def small(**more):
    return randomize(build("fast_rcnn", **{**SMALL, **more}))


@pytest.mark.parametrize("pooling", ["max", "align"])
def test_what_is_found_comes_from_the_given_boxes(pooling, tmp_path):
    model = small(roi_pooling=pooling)
    images, boxes = map(keras.ops.convert_to_tensor, samples(model, 2))
    result = model([images, boxes], training=False)
    first, heads = parts(model)
    scores, deltas = heads([first(images), boxes], training=False)
    assert scores.shape == (2, 5, 4) and deltas.shape == (2, 5, 12)
    again = model.get_layer("detections")(scores, deltas, boxes, images)
    for name, there in result.items():
        np.testing.assert_allclose(again[name], there, atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, there in loaded([images, boxes], training=False).items():
        np.testing.assert_array_equal(there, result[name])


def test_a_box_without_area_is_none_and_no_box_is_nothing_found():
    model = small()
    images, boxes = samples(model, 2)
    padded = np.concatenate([boxes, np.zeros((2, 3, 4), "float32")], 1)
    for name, there in model([images, boxes]).items():
        np.testing.assert_allclose(model([images, padded])[name], there, atol=1e-4)
    for nothing in (np.zeros((2, 4, 4), "float32"), np.zeros((2, 0, 4), "float32")):
        result = model([images, nothing])
        assert result["boxes"].shape == (2, 7, 4) and not np.asarray(result["scores"]).any()
        assert (np.asarray(result["classes"]) == -1).all()


def test_boxes_that_cannot_be_are_nothing_found():
    """x2 < x1, NaN, outside the picture, no area."""
    model = small()
    wrong = [[40, 10, 20, 30], [np.nan, 0, 30, 30], [200, 100, 260, 180], [10, 10, 10, 40], [-50, -50, -20, -20]]
    result = model([pictures(1, (64, 96, 3)), np.array([wrong], "float32")])
    assert not np.asarray(result["scores"]).any() and not np.asarray(result["boxes"]).any()


@pytest.mark.slow
def test_vgg16_has_the_papers_layers():
    model = build("fast_rcnn_vgg16")
    assert model.get_layer("conv5_3_relu").output.shape == (None, 37, 50, 512)
    assert model.get_layer("roi_pooling").output.shape == (None, None, 7, 7, 512)
    assert model.get_layer("fc6").kernel.shape == (7 * 7 * 512, 4096)
    assert model.get_layer("class_scores").kernel.shape == (4096, 21)
    assert model.get_layer("box_deltas").kernel.shape == (4096, 80)


@pytest.mark.slow
def test_its_tflite_file_takes_boxes_too_and_finds_the_same(tmp_path):
    from keras_cnns.tasks.detection.average_precision import overlaps
    from keras_cnns.tflite import export
    from keras_cnns.tflite.targets import runner

    model = small(proposals=6)
    images, boxes = samples(model, 4)
    inputs = {"image": images, "proposals": boxes}
    assert export(model, tmp_path / "model.tflite", images=inputs).status == "pass"
    answers = list(runner.predict(tmp_path / "model.tflite", inputs).values())
    expected = {name: np.asarray(x) for name, x in model([images, boxes], training=False).items()}
    there = next(x for x in answers if x.shape == (4, 7, 4))
    for here, tflite, score in zip(expected["boxes"], there, expected["scores"], strict=True):
        assert (np.diag(overlaps(tflite, here))[score > 0] > 0.99).all() and (score > 0).any()
