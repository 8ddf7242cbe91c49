"""Faster R-CNN: the paper's sizes, one answer of fixed size, the two parts that are trained, backbones by name."""

import keras
import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.models.fast_rcnn import parts
from keras_cnns.testing import pictures, randomize

SMALL = {
    "backbone": "vgg11_bn",
    "columns": {"widths": (4, 8, 8, 8, 8)},
    "level": "C3",
    "rpn": 8,
    "scales": (16, 32),
    "before": 100,
    "proposals": 20,
    "fc": (16,),
    "detections": 7,
    "classes": 3,
    "input_shape": (64, 96, 3),
}


def small(**more):
    """With weights that move boxes by about their size."""
    model = randomize(build("faster_rcnn", **{**SMALL, **more}))
    for name, length in (("rpn_deltas", 0.3), ("box_deltas", 2.0)):
        layer, (kernel, bias) = model.get_layer(name), model.get_layer(name).get_weights()
        layer.set_weights([kernel * length / 1000, bias * length])
    return model


@pytest.mark.parametrize("pooling", ["max", "align"])
def test_an_answer_has_a_fixed_size_and_comes_back_from_a_file(pooling, tmp_path):
    model, images = small(roi_pooling=pooling), pictures(2, (64, 96, 3), high=255)
    result = model(images, training=False)
    assert {name: tuple(x.shape) for name, x in result.items()} == {
        "boxes": (2, 7, 4),
        "classes": (2, 7),
        "scores": (2, 7),
    }
    boxes, scores = np.asarray(result["boxes"]), np.asarray(result["scores"])
    assert scores.max() > 0.05 and (np.diff(scores) <= 0).all()
    assert (boxes >= 0).all() and (boxes[..., 2] <= 96).all() and (boxes[..., 3] <= 64).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")(images, training=False)
    for name in result:
        np.testing.assert_array_equal(again[name], result[name])


def test_the_parts_are_the_model():
    """What the heads say of the model's own proposals becomes the model's own answer."""
    model, images = small(), pictures(2, (64, 96, 3), high=255)
    first, heads = parts(model)
    level, objectness, deltas = first(images, training=False)
    boxes = model.get_layer("proposals")(objectness, deltas, images)
    scores, refined = heads([level, boxes], training=False)
    actual = model.get_layer("detections")(scores, refined, boxes, images)
    for name, expected in model(images, training=False).items():
        np.testing.assert_allclose(actual[name], expected, atol=1e-4)
    assert heads([level, boxes[:, :5]])[0].shape == (2, 5, 4)  # any number of regions
    trained = {id(v) for part in (first, heads) for v in part.trainable_variables}
    assert trained == {id(v) for v in model.trainable_variables}


def test_any_size_of_picture():
    model = small(input_shape=(None, None, 3))
    fixed = small()
    images = pictures(1, (64, 96, 3), high=255)
    np.testing.assert_allclose(model(images)["boxes"], fixed(images)["boxes"], atol=1e-3)
    assert model(pictures(1, (80, 70, 3)))["boxes"].shape == (1, 7, 4)


@pytest.mark.slow
def test_vgg16_has_the_papers_layers():
    model = build("faster_rcnn_vgg16")
    assert model.get_layer("rpn").kernel.shape == (3, 3, 512, 512)
    assert model.get_layer("rpn_objectness").output.shape == (None, 37, 50, 9)
    assert model.get_layer("fc6").kernel.shape == (7 * 7 * 512, 4096)
    assert model.get_layer("class_scores").kernel.shape == (4096, 21)
    assert model.get_layer("box_deltas").kernel.shape == (4096, 80)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        ({"roi_pooling": "mean"}, "max, align"),
        ({"backbone": "vgg61"}, "vgg16"),
        ({"level": "C9"}, "C9"),
        ({"anchors": 9}, "scales"),
    ],
)
def test_a_mistake_gets_one_clear_line(wrong, hint):
    with pytest.raises(UserError, match=hint) as error:
        build("faster_rcnn", **{**SMALL, **wrong})
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_its_tflite_file_finds_the_same_by_built_in_operators(tmp_path):
    """Boxes are pixels, so what rounding leaves of them is measured as overlap."""
    from keras_cnns.tasks.detection.average_precision import overlaps
    from keras_cnns.tflite import export
    from keras_cnns.tflite.targets import runner

    model, images = small(), pictures(4, (64, 96, 3), seed=3, high=255)
    report = export(model, tmp_path / "model.tflite", images=images)
    assert report.status == "pass" and report.comparisons[0].overlap > 0.99
    answers = list(runner.predict(tmp_path / "model.tflite", images).values())
    expected = {name: np.asarray(x) for name, x in model(images, training=False).items()}
    boxes = next(x for x in answers if x.shape == (4, 7, 4))
    other = [x for x in answers if x.shape == (4, 7)]
    assert any(np.array_equal(x, expected["classes"]) for x in other)
    assert any(np.allclose(x, expected["scores"], atol=1e-4) for x in other)
    for there, here, score in zip(boxes, expected["boxes"], expected["scores"], strict=True):
        assert (np.diag(overlaps(there, here))[score > 0] > 0.99).all() and (score > 0).any()
