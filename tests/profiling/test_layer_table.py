"""The layer table: the courses' own figures, TensorFlow's own profiler, and models of every build."""

import json
import math
import time
from collections import Counter
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_cnns
from keras_cnns import UserError, build, list_models, profile
from keras_cnns.testing import randomize

KB, M = 1024, 1e6


def test_alexnet_parameters_per_layer():
    """Krizhevsky et al. 2012 as the courses have it: 34,944 in conv1 to 37.7 million in fc6."""
    result = {row.name: row.params for row in profile(build("alexnet")) if row.params}
    assert result == {
        "conv1_conv": (11 * 11 * 3 + 1) * 96,
        "conv2_conv": (5 * 5 * 48 + 1) * 256,
        "conv3_conv": (3 * 3 * 256 + 1) * 384,
        "conv4_conv": (3 * 3 * 192 + 1) * 384,
        "conv5_conv": (3 * 3 * 192 + 1) * 256,
        "fc6": (6 * 6 * 256 + 1) * 4096,
        "fc7": (4096 + 1) * 4096,
        "predictions": (4096 + 1) * 1000,
    }


def test_the_stem_of_googlenet_beside_vgg():
    """From 224 to 28 pixels. The slide's rows hold; its total of 418 M is not their sum, which is 478 M."""
    net = profile(build("googlenet", include_top=False))
    rows = [net[name] for name in ("conv1_conv", "pool1", "conv2_reduce_conv", "conv2_conv", "pool2")]
    assert [row.memory / KB for row in rows] == [3136, 784, 784, 2352, 588]
    assert [round(row.params / 1000) for row in rows] == [9, 0, 4, 111, 0]
    assert [round(row.macs / M) for row in rows] == [118, 0, 13, 347, 0]
    memory, params, cost = (sum(getattr(row, key) for row in rows) for key in ("memory", "params", "macs"))
    assert (round(memory / KB**2, 1), round(params / 1000), round(cost / M)) == (7.5, 124, 478)

    # the slide's column for VGG-16 counts two convolutions in the third stage, which is VGG-13
    convs = [row for row in profile(build("vgg13", include_top=False)) if row.kind == "Conv2D" and row.shape[0] >= 56]
    beside = [sum(getattr(row, key) for row in convs) for key in ("memory", "params", "macs")]
    assert (round(beside[0] / KB**2, 1), round(beside[1] / M, 1), round(beside[2] / M)) == (42.9, 1.1, 7485)
    assert round(beside[0] / memory, 1) == 5.7
    assert round(1.1e6 / 124e3, 1) == 8.9 and beside[1] / params > 8.9
    assert 17 < beside[2] / 418e6 < 18 and round(beside[2] / cost, 1) == 15.7


def test_three_small_kernels_see_what_a_large_one_sees():
    channels = 8
    small, large = keras.Input((32, 32, channels)), keras.Input((32, 32, channels))
    x = small
    for _ in range(3):
        x = layers.Conv2D(channels, 3, use_bias=False)(x)
    three = profile(keras.Model(small, x))
    first = profile(keras.Model(large, layers.Conv2D(channels, 7, use_bias=False)(large)))
    assert three[-1].field == first[-1].field == (7, 7)
    assert (three.params, first.params) == (27 * channels**2, 49 * channels**2)


def test_the_bottleneck_in_front_of_a_large_kernel():
    """Szegedy et al. 2014: 28x28x192 to 32 maps by 5x5 takes 120 M, through 16 maps 12.4 M."""
    image = keras.Input((28, 28, 192))
    direct = keras.Model(image, layers.Conv2D(32, 5, padding="same")(image))
    narrow = keras.Model(image, layers.Conv2D(32, 5, padding="same")(layers.Conv2D(16, 1)(image)))
    assert round(profile(direct).macs / M) == 120
    assert round(profile(narrow).macs / M, 1) == 12.4


def test_a_dense_block_grows_by_its_rate():
    net = profile(build("densenet121"))
    first = [row.shape[-1] for row in net if row.kind == "Concatenate" and row.shape[0] == 56]
    assert first == [64 + 32 * n for n in range(1, 7)] and first[-1] == 256


def counted_by_tensorflow(model, *, plainly=True):
    """Multiply-accumulates of convolutions and matrix products by TensorFlow's profiler, by the layer's name.

    plainly: as one convolution what Keras computes in another form: of groups, in a function of XLA's, where the
    profiler cannot look; dilated, on parts of a picture that was made larger for it.
    """
    for layer in model.layers if plainly else ():
        if isinstance(layer, layers.DepthwiseConv2D) and layer.padding == "same":
            layer.dilation_rate = (1, 1)  # as many positions and products
        elif getattr(layer, "groups", 1) > 1 or max(_pair(getattr(layer, "dilation_rate", 1))) > 1:
            layer.convolution_op = partial(_plainly, layer)
    function = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False))
    shapes = [tf.TensorSpec((1, *t.shape[1:]), t.dtype) for t in model.inputs]
    graph = function.get_concrete_function(*shapes).graph
    with graph.as_default():
        options = tf.compat.v1.profiler.ProfileOptionBuilder(
            tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        )
        options = options.with_empty_output().build()
        root = tf.compat.v1.profiler.profile(graph, cmd="scope", options=options)
    known, results, waiting = {layer.name for layer in model.layers}, {}, [root]
    while waiting:
        node = waiting.pop()
        waiting += node.children
        own = _operation(graph, node.name)
        if own is not None and own.type in COUNTED:
            scope = node.name.split("/")[1]
            layer = scope if scope in known else scope.rpartition("_")[0]  # entered before, a scope has a number
            results[layer] = results.get(layer, 0) + node.float_ops // 2
    return results


COUNTED = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2")


def _operation(graph, name):
    try:
        return graph.get_operation_by_name(name)
    except (KeyError, ValueError):
        return None


def _plainly(layer, inputs, kernel):
    padding, dilations = layer.padding.upper(), layer.dilation_rate
    return tf.nn.conv2d(inputs, tf.convert_to_tensor(kernel), layer.strides, padding, dilations=dilations)


def _pair(value):
    return value if isinstance(value, tuple | list) else (value, value)


def left_out_by_papers(model):
    """Layer -> what its arithmetic takes, of those that papers do not count and that are written with convolutions."""
    rows = profile(model)
    return {row.name: LEFT_OUT[row.kind](model.get_layer(row.name), row) for row in rows if row.kind in LEFT_OUT}


def _holes(layer, row):
    """The holes of a table of connections are computed as zeros, by a kernel that is put together first."""
    connections, square = sum(map(len, layer.table)), math.prod(layer.kernel_size)
    full = square * row.inputs[0][-1] * layer.filters
    return math.prod(row.shape[:2]) * (full - square * connections) + connections * full


LEFT_OUT = {
    # a convolution over the channels, with zeros for the far ones
    "LocalResponseNormalization": lambda layer, row: math.prod(row.shape) * row.shape[-1],
    # two local means of one map, each over that of a map of ones
    "LocalContrastNormalization": lambda layer, row: 4 * math.prod(row.shape[:2]) * layer.size**2,
    "EuclideanRBF": lambda layer, row: row.inputs[0][0] * layer.units,  # the products of a squared distance
    "WeightedPooling2D": lambda layer, row: math.prod(row.shape) * layer.size**2,
    "TableConv2D": _holes,
}


def of_fixed_size(model, regions=300):
    """The model on so many regions, where their number is open: what is open, nobody can count."""
    if all(None not in t.shape[1:] for t in model.inputs):
        return model
    inputs = [keras.Input([n or regions for n in t.shape[1:]], dtype=t.dtype, name=t.name) for t in model.inputs]
    return keras.models.clone_model(model, input_tensors=inputs)


def agrees_with_tensorflow(name):
    """Layer by layer, and with exactly so much more as the layers take whose arithmetic papers leave out."""
    model = of_fixed_size(build(name))
    ours, theirs = Counter(left_out_by_papers(model)), counted_by_tensorflow(model)
    for row in profile(model):
        ours[row.name.partition(":")[0]] += row.macs  # every use of a shared layer
    assert {layer: count for layer, count in ours.items() if count} == theirs


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "mobilenet_v3_small", "resnext50_32x4d", "fcn8s"])
def test_tensorflow_counts_the_same(name):
    agrees_with_tensorflow(name)


@pytest.mark.parametrize(("side", "dilation", "computed"), [(13, 2, 14), (13, 4, 16), (12, 3, 12)])
def test_a_dilated_convolution_counts_its_own_positions(side, dilation, computed):
    """Keras makes the picture larger, to whole multiples of the step, and cuts it into parts: more is computed."""
    image = keras.Input((side, side, 4))
    conv = layers.Conv2D(6, 3, padding="same", dilation_rate=dilation, name="dilated")
    model = keras.Model(image, conv(image))
    assert profile(model).macs == side**2 * 9 * 4 * 6
    assert counted_by_tensorflow(model, plainly=False) == {"dilated": computed**2 * 9 * 4 * 6}
    assert counted_by_tensorflow(model) == {"dilated": side**2 * 9 * 4 * 6}
    kernel, picture = conv.kernel.numpy(), np.random.default_rng(0).normal(size=(1, side, side, 4)).astype("float32")
    spread = 2 * dilation + 1
    padded, by_hand = np.pad(picture[0], [(dilation, dilation)] * 2 + [(0, 0)]), np.zeros((side, side, 6))
    for row, column in np.ndindex(side, side):  # one window after the other
        by_hand[row, column] = np.einsum(
            "ijc,ijco", padded[row : row + spread, column : column + spread][::dilation, ::dilation], kernel
        )
    np.testing.assert_allclose(conv(picture)[0], by_hand, atol=1e-4)


def test_a_transposed_convolution_counts_every_pair_of_input_and_kernel():
    """By hand: each position of the input adds the whole kernel to the output, what falls off at the border too."""
    image = keras.Input((5, 6, 2))
    conv = layers.Conv2DTranspose(3, 4, strides=2, padding="same", use_bias=False, name="transposed")
    model, picture = keras.Model(image, conv(image)), np.random.default_rng(0).normal(size=(1, 5, 6, 2))
    full, kernel, products = np.zeros((12, 14, 3)), conv.kernel.numpy(), 0
    for row, column in np.ndindex(5, 6):
        full[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += kernel @ picture[0, row, column]
        products += kernel.size
    np.testing.assert_allclose(model(picture.astype("float32"))[0], full[1:-1, 1:-1], atol=1e-5)
    assert profile(model).macs == products
    assert counted_by_tensorflow(model) == {"transposed": products}


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_tensorflow_counts_the_same_of_every_network(name):
    agrees_with_tensorflow(name)


def test_resnet50_is_profiled_at_once_and_without_a_forward_pass(monkeypatch):
    model = build("resnet50")

    def computes(*args, **kwargs):
        raise AssertionError("a layer was called")

    monkeypatch.setattr(keras.layers.Layer, "__call__", computes)
    started = time.perf_counter()
    table = profile(model)
    assert time.perf_counter() - started < 2
    assert (table.params, table.macs) == (25_636_712, 3_857_973_248)


def nested(inner_size=(32, 32, 3)):
    base = keras.Sequential(
        [keras.Input(inner_size), layers.Conv2D(4, 3, name="conv"), layers.GlobalAveragePooling2D()], name="base"
    )
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), base, layers.Dense(2, name="head")])


@pytest.mark.parametrize("inner_size", [(32, 32, 3), (None, None, 3)])
def test_nested_models_are_laid_flat(inner_size):
    """Also where the nested model was made for pictures of any size."""
    table = profile(nested(inner_size))
    assert [row.name for row in table][-3:] == ["base/conv", "base/global_average_pooling2d", "head"]
    row = table["base/conv"]
    assert (row.shape, row.params, row.macs) == ((30, 30, 4), 112, 30 * 30 * 4 * 27)
    assert (row.kernel, row.stride, row.padding, row.field) == ((3, 3), (1, 1), "valid", (3, 3))
    assert row.stage == "base/conv"


def test_a_shared_layer_has_its_parameters_once_and_costs_twice():
    image, conv = keras.Input((8, 8, 2)), layers.Conv2D(2, 3, padding="same", name="conv")
    table = profile(keras.Model(image, conv(conv(image))))
    first, second = table["conv"], table["conv:2"]
    assert (first.params, second.params) == (38, 0)
    assert first.macs == second.macs == 8 * 8 * 36
    assert (first.field, second.field) == ((3, 3), (5, 5))


def test_a_model_shared_by_two_pictures():
    """A Siamese network: the tower's parameters once, its arithmetic twice."""
    tower = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, name="conv"), layers.Flatten()], name="tower")
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    model = keras.Model([a, b], layers.Subtract()([tower(a), tower(b)]))
    table = profile(model)
    assert table.params == model.count_params() == 30
    assert table.macs == 2 * 36 * 27


def test_every_kind_of_convolution():
    image = keras.Input((9, 9, 4))
    x = layers.SeparableConv2D(6, 3, padding="same", name="separable", depth_multiplier=2)(image)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", name="transpose")(x)
    x = layers.Conv2D(8, 3, groups=2, dilation_rate=2, name="grouped")(x)
    x = layers.Reshape((-1, 8), name="positions")(x)
    x = layers.Conv1D(5, 3, name="one")(x)
    x = layers.EinsumDense("abc,cd->abd", output_shape=(34, 7), name="einsum")(x)
    table = profile(keras.Model(image, x))
    costs = {row.name: row.macs for row in table if row.macs}
    assert costs == {
        "separable": 81 * (9 * 4 * 2 + 8 * 6),
        "depthwise": 25 * 9 * 6,
        "transpose": 25 * 9 * 6 * 4,
        "grouped": 36 * 9 * 2 * 8,
        "one": 34 * 3 * 8 * 5,
        "einsum": 34 * 5 * 7,
    }


def test_what_is_not_counted_is_listed():
    image = keras.Input((None, None, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
    x = layers.Add()([x, keras.ops.relu(x)])
    table = profile(keras.Model(image, x))
    assert table.uncounted == {"Conv2D of open size": 1, "BatchNormalization": 1, "Relu": 1, "Add": 1}
    assert table.macs == 0 and table.params == 128


def test_half_precision_takes_half_the_memory():
    with_policy = {}
    for policy in ("float32", "mixed_float16"):
        net = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, dtype=policy)])
        with_policy[policy] = profile(net)[-1].memory
    assert with_policy == {"float32": 36 * 4 * 4, "mixed_float16": 36 * 4 * 2}


def test_other_peoples_models():
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=5)
    assert profile(model).params == model.count_params()


def test_rows_are_plain_values_for_machines():
    rows = [row.to_dict() for row in profile(build("mobilenet_v3_small"))]
    text = json.dumps(rows, allow_nan=False)
    assert '"all"' in text and '"Infinity"' not in text


def test_the_counting_leaves_the_model_alone():
    model = randomize(nested((None, None, 3)))
    picture = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    before, calls = model.predict(picture, verbose=0), len(model.layers[-1]._inbound_nodes)
    keras_cnns.profile(model)
    np.testing.assert_array_equal(model.predict(picture, verbose=0), before)
    assert len(model.layers[-1]._inbound_nodes) == calls


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Subclassed(name="mine"), "'mine' is a subclassed model"),
        (keras.Sequential([layers.Dense(2)], name="open"), "add keras.Input"),
        ("lenet5", "not a Keras 3 model"),
    ],
)
def test_a_model_without_a_graph_is_refused_in_one_line(model, says):
    with pytest.raises(UserError, match=says):
        profile(model)


def test_a_row_that_is_not_there():
    with pytest.raises(UserError, match="Did you mean predictions"):
        profile(build("lenet5"))["predictionz"]
