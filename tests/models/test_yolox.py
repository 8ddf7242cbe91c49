"""YOLOX computes what the authors' network computes; tests/golden/yolox.json has its answers.

The weights are random, drawn in the order of the authors' names, and are loaded from a file with these names.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

import keras_cnns
from keras_cnns.blocks.dense_heads import trained_part
from keras_cnns.support.errors import UserError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "yolox.json").read_text())
GAIN = 1.2  # of the kernels
SHOWN = [0, 1, 2, 3, 4, 5, 44, 84]  # the recorded numbers of a position: deltas, objectness, three of 80 classes
SMALL = {"backbone": "csp_darknet", "columns": {"depth": 0.33, "width": 0.125}, "depth": 0.33, "width": 0.125}


def authors_weights(row):
    """{the authors' name: array}."""
    shapes = {f"{name}.weight": shape for name, shape in row["kernels"].items()}
    shapes |= {f"{name}.bias": [row["kernels"][name][0]] for name in row["biases"]}
    for name, width in row["normalizations"].items():
        shapes |= {f"{name}.{v}": [width] for v in ("weight", "bias", "running_mean", "running_var")}
    rng, tensors = np.random.default_rng(0), {}
    for name in sorted(shapes):
        shape, variable = shapes[name], name.rsplit(".", 1)[-1]
        if variable == "running_var" or (variable == "weight" and len(shape) == 1):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            value = rng.normal(0, 0.2, shape)
        else:
            value = rng.normal(0, (GAIN / np.prod(shape[1:])) ** 0.5, shape)
        tensors[name] = value.astype("float32")
    return tensors


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


@pytest.mark.parametrize("name", ["yolox_nano", pytest.param("yolox_tiny", marks=pytest.mark.slow)])
def test_computes_what_the_authors_network_computes(name, tmp_path):
    row = GOLDEN[name]
    save_file(authors_weights(row), tmp_path / f"{name}.safetensors")
    model = keras_cnns.build(name, weights=tmp_path / f"{name}.safetensors", input_shape=(64, 96, 3))
    assert sum(int(np.prod(v.shape)) for v in model.trainable_weights) == row["parameters"]
    picture = np.random.default_rng(1).uniform(0, 4, (1, 64, 96, 3)).astype("float32")
    (scores, objectness), deltas, levels = trained_part(model)([picture], training=False)
    answer = np.concatenate([np.asarray(deltas[0]), sigmoid(objectness[0]), sigmoid(scores[0])], 1)[row["rows"]]
    np.testing.assert_allclose(answer[:, SHOWN], row["raw"], atol=1e-5)
    last = model.get_layer("detections")
    references = keras.ops.concatenate(last.references(levels, picture), 0)
    boxes = np.asarray(last.decoded(deltas, references))[0][row["rows"]]
    centre, sides = np.split(np.array(row["boxes"]), 2, 1)
    np.testing.assert_allclose(boxes, np.concatenate([centre - sides / 2, centre + sides / 2], 1), atol=1e-3)


def test_each_position_has_one_object_of_its_best_class():
    """Two positions on one object: the better one stays. Its score is that of the class times that of an object."""
    from keras_cnns.layers import YOLOXDetections

    scores = np.full((1, 4, 3), -9.0, "float32")
    scores[0, :2, 1], scores[0, :2, 2], scores[0, 3, 0] = 2.0, 1.0, 0.0
    objectness = np.array([[[1.0], [3.0], [-9.0], [0.0]]], "float32")
    deltas = np.zeros((1, 4, 4), "float32")
    deltas[0, 0, 0] = 1.0  # the first position's box lies on the second one's
    level, image = np.zeros((1, 2, 2, 1), "float32"), np.zeros((1, 16, 16, 3), "float32")
    objects = YOLOXDetections(5, least=0.1)([scores, objectness], deltas, [level], image)
    expected = [sigmoid(2.0) * sigmoid(3.0), 0.25, 0, 0, 0]
    np.testing.assert_allclose(objects["scores"][0], expected, rtol=1e-5)
    assert np.asarray(objects["classes"][0]).tolist() == [1, 0, -1, -1, -1]
    np.testing.assert_allclose(objects["boxes"][0, :2], [[4, 0, 12, 4], [4, 4, 12, 12]])


@pytest.mark.parametrize("shape", [(75, 97, 3), (64, 64, 1)])
def test_any_size_and_any_number_of_channels_and_classes(shape):
    model = keras_cnns.build("yolox", input_shape=shape, classes=1, **SMALL)
    answer = model(np.zeros((1, *shape), "float32"))
    assert answer["boxes"].shape == (1, 100, 4)
    positions = sum(-(-shape[0] // 32) * -(-shape[1] // 32) * 4**n for n in range(3))
    assert trained_part(model).output[1].shape == (None, positions, 4)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("resnet20_cifar", "neither a level nor a layer 'C3': its levels are C0, C1, C2"),
        ("alexnet", "do not halve evenly"),
    ],
)
def test_a_backbone_without_the_levels_is_refused(backbone, message):
    with pytest.raises(UserError, match=message):
        keras_cnns.build("yolox", backbone=backbone, columns={}, input_shape=(96, 96, 3), width=0.125)


def test_a_saved_detector_is_where_training_starts(tmp_path):
    model = keras_cnns.build("yolox", input_shape=(64, 64, 3), classes=3, **SMALL)
    model.save(tmp_path / "net.keras")
    again = keras_cnns.build("yolox", weights=tmp_path / "net.keras", input_shape=(64, 64, 3), **SMALL)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
