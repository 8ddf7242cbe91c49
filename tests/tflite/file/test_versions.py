"""Operator codes and versions: those of the stock converter's file of the same scheme, and of what each type needs."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite import FileSettings, Tuning
from keras_cnns.tflite.file import convert, flatbuffer, versions
from keras_cnns.tflite.quantize import schemes, stock
from keras_cnns.tflite.quantize.job import Job

T = schema.TensorType
NAMES = {"inputs": ["image"], "outputs": ["scores"]}


@pytest.fixture(scope="module")
def model():
    """A network of the operators whose versions depend on their types."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(x)  # 1,152 weights: not a small kernel
    y = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.Multiply()([keras.layers.Add()([x, y]), keras.layers.Activation("sigmoid")(y)])
    x = keras.layers.MaxPooling2D()(keras.layers.Concatenate()([x, y]))
    x = keras.layers.UpSampling2D(interpolation="bilinear")(keras.layers.Conv2DTranspose(8, 3, strides=2)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(keras.layers.Dense(140)(x)))


@pytest.fixture(scope="module")
def pictures():
    return {"image": np.random.default_rng(0).uniform(-1, 1, (4, 12, 12, 3)).astype("float32")}


def codes(data):
    """{operator: versions in the file}."""
    results = {}
    for code in flatbuffer.read(data).operatorCodes:
        results.setdefault(versions.KINDS[code.builtinCode], set()).add(code.version)
    return results


def runtime(data):
    model = flatbuffer.read(data)
    (entry,) = [entry for entry in model.metadata if entry.name == b"min_runtime_version"]
    held = bytes(model.buffers[entry.buffer].data)
    assert len(held) == 16
    return held.rstrip(b"\0").decode()


def made(model, pictures, scheme):
    """The file of the scheme before and after its versions are declared."""
    job = Job(pictures, FileSettings(tuning=Tuning.plain()))
    data = schemes.make(scheme, convert.to_flatbuffer(model, 1, **NAMES), job)
    return data, versions.declared(data)


@pytest.mark.parametrize(
    ("scheme", "expected", "release"),
    [
        ("float32", {"CONV_2D": {1}, "FULLY_CONNECTED": {1}}, "2.2.0"),
        ("float16", {"CONV_2D": {1}, "DEQUANTIZE": {3}}, "2.2.0"),
        ("weight_only_int8", {"CONV_2D": {1}, "DEQUANTIZE": {5}}, "2.7.0"),
        ("weight_only_int4", {"CONV_2D": {1}, "DEQUANTIZE": {6}}, "2.18.0"),
        ("dynamic_int8", {"CONV_2D": {1, 5}, "FULLY_CONNECTED": {12}}, "2.17.0"),
        ("int8", {"CONV_2D": {3}, "DEPTHWISE_CONV_2D": {3}, "ADD": {2}, "QUANTIZE": {1}, "DEQUANTIZE": {2}}, "2.2.0"),
        (
            "int16x8",
            {"CONV_2D": {4}, "DEPTHWISE_CONV_2D": {5}, "ADD": {3}, "QUANTIZE": {2}, "DEQUANTIZE": {3}},
            "2.5.0",
        ),
    ],
)
def test_operators_and_runtime_are_those_that_the_types_need(scheme, expected, release, model, pictures):
    _, data = made(model, pictures, scheme)
    actual = codes(data)
    assert {name: actual[name] for name in expected} == expected
    assert runtime(data) == release


@pytest.mark.parametrize("scheme", ["float16", "int8"])
def test_no_version_is_below_that_of_the_stock_converters_file(scheme, model, pictures):
    theirs = codes(stock.make(scheme, model, Job(pictures), **NAMES))
    ours = codes(made(model, pictures, scheme)[1])
    both = set(theirs) & set(ours) - {"SOFTMAX", "LOGISTIC"}  # which stay in float here
    assert len(both) > 8
    assert all(max(ours[name]) >= max(theirs[name]) for name in both)


def test_every_code_has_the_field_that_old_runtimes_read(model, pictures):
    before, after = (flatbuffer.read(data).operatorCodes for data in made(model, pictures, "int8"))
    wrong = [c for c in before if c.deprecatedBuiltinCode != min(c.builtinCode, 127)]
    assert {versions.KINDS[c.builtinCode] for c in wrong} == {"QUANTIZE", "DEQUANTIZE"}  # what the quantizer leaves
    assert all(c.deprecatedBuiltinCode == min(c.builtinCode, 127) for c in after)


def test_float_and_int8_operators_of_one_kind_have_codes_of_their_own(model, pictures):
    job = Job(pictures, FileSettings(tuning=Tuning.plain(), islands=["ADD", "DEPTHWISE_CONV_2D"]))
    data = schemes.make("int8_float_islands", convert.to_flatbuffer(model, 1, **NAMES), job)
    graph = flatbuffer.read(versions.declared(data))
    by_version = {
        versions.KINDS[graph.operatorCodes[o.opcodeIndex].builtinCode]: graph.operatorCodes[o.opcodeIndex].version
        for o in graph.subgraphs[0].operators
    }
    assert by_version["ADD"] == by_version["DEPTHWISE_CONV_2D"] == 1 and by_version["CONV_2D"] == 3


@pytest.mark.parametrize(
    ("name", "types", "version"),
    [
        ("SPLIT", (T.INT32, T.INT8, T.INT8), 2),
        ("RESIZE_NEAREST_NEIGHBOR", (T.INT16, T.INT32, T.INT16), 4),
        ("PAD", (T.INT8, T.INT32, T.INT8), 2),
        ("HARD_SWISH", (T.INT8, T.INT8), 1),
        ("QUANTIZE", (T.FLOAT32, T.INT8), 1),
        ("FULLY_CONNECTED", (T.INT8, T.INT4, T.INT8), 10),
    ],
)
def test_versions_by_type(name, types, version):
    tensors = [schema.TensorT() for _ in types]
    for tensor, kind in zip(tensors, types, strict=True):
        tensor.type = kind
    options = schema.FullyConnectedOptionsT()
    assert versions.required_version(name, tensors[:-1], tensors[-1:], options) == version


def test_a_version_that_is_higher_already_stays(model, pictures):
    parsed = flatbuffer.read(made(model, pictures, "int8")[0])
    for code in parsed.operatorCodes:
        code.version = 7
    assert set().union(*codes(versions.declared(flatbuffer.write(parsed))).values()) == {7}
