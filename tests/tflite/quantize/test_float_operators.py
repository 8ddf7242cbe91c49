"""Detectors in int8: what has weights is rounded, boxes and scores around suppression are not, and the boxes stay."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import keras_cnns
from keras_cnns.data.sources import shapes
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export
from keras_cnns.tflite.file import convert, flatbuffer
from keras_cnns.tflite.quantize.float_operators import left_in_float

SIDE = 64
NARROW_VGG = {"backbone": "vgg11_bn", "columns": {"widths": (8, 8, 16, 16, 16)}, "roi_pooling": "max"}
NARROW_RESNET = {"backbone": "resnet18", "columns": {"widths": (8, 8, 16, 16)}}
FEW = {"classes": 4, "fc": (32,), "detections": 6}
PROPOSING = {**FEW, "rpn": 16, "before": 40, "proposals": 12}
Kind, Type = schema.BuiltinOperator, schema.TensorType


def detector(name, **columns):
    """A small one that finds something: the heads' scores spread, and nothing is rounded away."""
    keras.utils.set_random_seed(0)
    model = keras_cnns.build(name, weights=None, input_shape=(SIDE, SIDE, 3), include_preprocessing=True, **columns)
    for layer in model.layers:
        if layer.name in ("class_scores", "rpn_objectness"):
            kernel, bias = layer.get_weights()
            layer.set_weights([60 * kernel, bias + np.linspace(-1, 1, len(bias), dtype="float32")])
    return model


def pictures(count, split):
    return np.stack([shapes.scene(n, split, (SIDE, SIDE)).picture for n in range(count)]).astype("float32")


def given_boxes(count):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 40, (count, 5, 2))
    return np.concatenate([corner, corner + rng.uniform(8, 24, (count, 5, 2))], -1).astype("float32")


def operators(path):
    """(code, types of its results, whether what it is multiplied with is int8) of the main graph."""
    model = flatbuffer.read(path.read_bytes())
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        weights = [graph.tensors[i].type == Type.INT8 for i in operator.inputs[1:2]]
        results = {graph.tensors[i].type for i in operator.outputs}
        yield max(code.builtinCode, code.deprecatedBuiltinCode), results, weights


def check(model, calibration, images, tmp_path, **options):
    report = export(
        model, tmp_path / "net.tflite", scheme="int8", calibration=calibration, images=images, force=True, **options
    )
    assert report.comparisons[0].kind == "boxes" and report.comparisons[0].overlap > 0.7
    result = list(operators(tmp_path / "net.tflite"))
    weighted = [(types, weights) for code, types, weights in result if code in (Kind.CONV_2D, Kind.FULLY_CONNECTED)]
    assert weighted and all(types == {Type.INT8} and all(weights) for types, weights in weighted)
    loops = [types for code, types, _ in result if code == Kind.WHILE]
    assert loops and all(Type.FLOAT32 in types and Type.INT8 not in types for types in loops)
    return report


@pytest.mark.slow
def test_faster_rcnn_takes_a_cameras_bytes_and_keeps_its_boxes(tmp_path):
    model = detector("faster_rcnn", **NARROW_VGG, **PROPOSING, level="C3", scales=(12, 20))
    check(model, pictures(12, "train"), pictures(6, "test"), tmp_path, input_type="uint8")


@pytest.mark.slow
def test_fast_rcnn_keeps_the_boxes_it_is_given_in_floats(tmp_path):
    model = detector("fast_rcnn", **NARROW_VGG, **FEW, level="C3", proposals=5)
    calibration = [pictures(12, "train"), given_boxes(12)]
    report = check(model, calibration, [pictures(6, "test"), given_boxes(6)], tmp_path)
    assert report.comparisons[0].overlap > 0.95  # nothing but the heads' own rounding


@pytest.mark.slow
def test_a_pyramid_keeps_its_boxes(tmp_path):
    model = detector("faster_rcnn_fpn", **NARROW_RESNET, **PROPOSING, width=16, scales=(8, 12, 16, 24, 32))
    check(model, pictures(12, "train"), pictures(6, "test"), tmp_path)


@pytest.mark.slow
def test_roi_align_keeps_its_boxes(tmp_path):
    model = detector("faster_rcnn", **NARROW_RESNET, **PROPOSING, level="C3", scales=(12, 20))
    check(model, pictures(12, "train"), pictures(6, "test"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float16", "weight_only_int8", "dynamic_int8"])
def test_schemes_without_calibration_take_detectors(scheme, tmp_path):
    model = detector("faster_rcnn", **NARROW_VGG, **PROPOSING, level="C3", scales=(12, 20))
    report = export(model, tmp_path / "net.tflite", scheme=scheme, images=pictures(6, "test"), force=True)
    assert report.comparisons[0].overlap > 0.7 and report.size_ratio < 0.8


@pytest.mark.slow
def test_boxes_as_integers_are_refused_in_one_line(tmp_path):
    model = detector("fast_rcnn", **NARROW_VGG, **FEW, level="C3", proposals=5)
    calibration = [pictures(4, "train"), given_boxes(4)]
    with pytest.raises(UserError, match="leave output_type at float32"):
        export(model, tmp_path / "net.tflite", scheme="int8", calibration=calibration, output_type="int8")
    with pytest.raises(UserError, match="leave input_type at float32"):
        export(model, tmp_path / "net.tflite", scheme="int8", calibration=calibration, input_type="uint8")


def test_a_network_without_suppression_keeps_nothing_in_floats():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    assert left_in_float(convert.to_flatbuffer(keras.Model(image, keras.layers.Dense(3)(x)))) == ([], [])


@pytest.mark.parametrize("layer", [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN])
def test_a_loop_with_weights_is_refused(layer):
    steps = keras.Input((6, 4))
    with pytest.raises(UserError, match="unroll=True"):
        left_in_float(convert.to_flatbuffer(keras.Model(steps, layer(5)(steps))))


def test_a_loop_without_weights_between_layers_stays_in_floats(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Halved(keras.layers.Layer):
        """Everything in x halved until it is not above 1."""

        def call(self, x):
            ops = keras.ops
            return ops.while_loop(lambda x: ops.any(x > 1.0), lambda x: (ops.where(x > 1.0, x / 2, x),), (x,))[0]

        def compute_output_shape(self, shape):
            return shape

    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    x = keras.layers.Conv2D(4, 3)(Halved()(x))
    inputs = np.random.default_rng(0).uniform(0, 4, (24, 12, 12, 3)).astype("float32")
    report = export(keras.Model(image, x), tmp_path / "net.tflite", scheme="int8", calibration=inputs, images=inputs)
    assert report.status == "pass"
    result = list(operators(tmp_path / "net.tflite"))
    assert [types for code, types, _ in result if code == Kind.CONV_2D] == [{Type.INT8}, {Type.INT8}]
    assert all(Type.INT8 not in types for code, types, _ in result if code == Kind.WHILE)
