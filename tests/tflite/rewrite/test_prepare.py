"""Preparing changes the operators and not the answers: 1e-5 relative, on statistics that are not the defaults."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures as conftest_pictures
from keras_cnns.testing import randomize
from keras_cnns.tflite.rewrite.prepare import prepare
from tests.graph.test_graph import pictures, randomised


def kinds(model):
    return [type(o).__name__ for o in model.operations]


def prepared(make, shape=(9, 9, 4), scale=1.0, **options):
    """The prepared model of `make(inputs)`, after its answers were compared with the source's."""
    inputs = keras.Input(shape)
    model = randomised(keras.Model(inputs, make(inputs)))
    result = prepare(model, **options)
    x = scale * pictures(3, *shape)
    theirs, ours = (np.asarray(m(x, training=False)) for m in (model, result))
    assert np.abs(theirs).max() > 1e-3
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()
    return result


BEFORE = {
    "conv": lambda: layers.Conv2D(6, 3, use_bias=False),
    "conv with bias, grouped": lambda: layers.Conv2D(6, 3, groups=2),
    "depthwise, two filters a channel": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    "transposed": lambda: layers.Conv2DTranspose(6, 3, strides=2),
    "separable": lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, strides=2, padding="same"),
    "dense over channels": lambda: layers.Dense(6),
}


@pytest.mark.parametrize("layer", BEFORE.values(), ids=BEFORE.keys())
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}], ids=str)
def test_batch_norm_folds_into_the_layer_before_it(layer, options):
    model = prepared(lambda x: layers.ReLU()(layers.BatchNormalization(**options)(layer()(x))))
    assert not {"BatchNormalization", "SeparableConv2D", "Dense"} & set(kinds(model))


@pytest.mark.parametrize("shape", [(7,), (5, 7), (5, 6, 7), (3, 4, 5, 7)], ids=str)
def test_a_lone_batch_norm_becomes_a_1x1_depthwise_convolution(shape):
    model = prepared(lambda x: layers.ReLU()(layers.BatchNormalization()(x)), shape)
    assert "DepthwiseConv2D" in kinds(model) and "BatchNormalization" not in kinds(model)


AFTER = {
    "conv": (lambda: layers.Conv2D(6, 3), 0),
    "grouped conv": (lambda: layers.Conv2D(6, 3, groups=2), 0),
    "strided 1x1": (lambda: layers.Conv2D(6, 1, strides=2, padding="same"), 0),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), 0),
    "padded conv": (lambda: layers.Conv2D(6, 3, padding="same"), 1),
}


@pytest.mark.parametrize(("layer", "left"), AFTER.values(), ids=AFTER.keys())
def test_batch_norm_folds_into_the_layer_after_it_where_no_padding_comes_between(layer, left):
    model = prepared(lambda x: layer()(layers.BatchNormalization()(layers.ReLU()(x))))
    own = sum(isinstance(x, layers.DepthwiseConv2D) for x in (layer(),))
    assert kinds(model).count("DepthwiseConv2D") - own == left


def test_batch_norm_with_a_second_reader_is_not_folded():
    def make(x):
        x = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 1, name="conv")(x))
        return layers.Add()([x, layers.Conv2D(4, 1)(x)])

    assert kinds(prepared(make)).count("Conv2D") == 2  # folded into the first, which both read

    def two_readers_of_the_conv(x):
        x = layers.Conv2D(4, 1)(x)
        return layers.Add()([x, layers.BatchNormalization()(x)])

    assert "DepthwiseConv2D" in kinds(prepared(two_readers_of_the_conv))


def test_preprocessing_layers_end_in_one_convolution():
    def make(x):
        x = layers.Rescaling([0.02, 0.03, 0.01], offset=-0.5)(x)
        x = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])(x)
        return layers.Conv2D(4, 3, padding="same")(layers.Rescaling(2.0)(x))

    assert kinds(prepared(make, (9, 9, 3), scale=100)) == ["InputLayer", "DepthwiseConv2D", "Conv2D"]
    scale_only = prepared(lambda x: layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 255)(x)), scale=100)
    assert kinds(scale_only) == ["InputLayer", "Conv2D"]  # zeros stay zeros


def test_pixels_as_integers_stay_integers_at_the_input():
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    x = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    model = randomised(keras.Model(inputs, x))
    result = prepare(model)
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
    assert result.inputs[0].dtype == "uint8"
    np.testing.assert_allclose(result(x), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("how", ["symmetric", "end", "keras.ops"])
def test_padding_is_fused_where_it_equals_same(size, kernel, how):
    half = kernel // 2
    sides = (half, half) if how == "symmetric" else (half - 1 + size % 2, half)

    def make(x):
        if how == "keras.ops":
            x = ops.pad(x, [[0, 0], sides, sides, [0, 0]])
        else:
            x = layers.ZeroPadding2D((sides, sides))(x)
        return layers.DepthwiseConv2D(kernel, strides=2)(x)

    equal = how != "symmetric" or size % 2 == 1
    assert len(kinds(prepared(make, (size, size, 4)))) == (2 if equal else 3)


def test_padding_of_channels_and_with_other_values_stays():
    assert "Pad" in kinds(prepared(lambda x: layers.Conv2D(3, 1)(ops.pad(x, [[0, 0], [0, 0], [0, 0], [2, 2]]))))
    ones = prepared(lambda x: layers.Conv2D(3, 3)(ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)))
    assert "Pad" in kinds(ones)


@pytest.mark.parametrize("activation", [None, "silu"])
def test_a_causal_convolution_keeps_its_padding_as_a_layer(activation):
    def make(x):
        return layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation=activation, name="conv")(x)

    model = prepared(make, (10, 4))
    assert model.get_layer("conv").padding == "valid" and "ZeroPadding1D" in kinds(model)


def test_hard_swish_multiplies_first_or_leaves_its_sixth_to_the_next_kernel():
    alone = prepared(lambda x: layers.GlobalAveragePooling2D()(layers.Activation("hard_silu", name="h")(x)), scale=4)
    product = alone.get_layer("h_times")
    first, gate = (t._keras_history.operation for t in product.input)
    assert (type(first).__name__, gate.name) == ("Multiply", "h_relu6")
    before_conv = prepared(lambda x: layers.Conv2D(3, 1)(ops.hard_silu(x)), scale=4)
    assert kinds(before_conv) == ["InputLayer", "Add", "ReLU", "Multiply", "Conv2D"]
    full = prepared(lambda x: layers.Conv2D(3, 1)(ops.hard_silu(x)), scale=4, int8_forms=None)
    assert kinds(full) == ["InputLayer", "Activation", "Conv2D"]


def test_hard_sigmoid_gates_lose_both_constants_to_their_neighbours():
    def make(x):
        gate = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
        return layers.Conv2D(3, 1)(layers.Multiply()([x, layers.Activation("hard_sigmoid")(gate)]))

    names = kinds(prepared(make, scale=4))
    assert names.count("Multiply") == 1 and "Add" not in names


@pytest.mark.parametrize("shape", [(9, 10, 4), (7, 6, 4)], ids=str)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("window", "strides"), [(2, 2), (3, 1), (3, 2), ((3, 5), (2, 1)), (5, 3), ((1, 2), 1)], ids=str
)
def test_average_pooling_becomes_a_convolution_in_int8_only(window, strides, padding, shape):
    def make(x):
        return layers.AveragePooling2D(window, strides, padding, name="pool")(x)

    model = prepared(make, shape)
    assert "AveragePooling2D" not in kinds(model) and kinds(model)[1] == "DepthwiseConv2D"
    assert not model.trainable_weights  # also under quantization-aware training it stays an average
    assert kinds(prepared(make, shape, int8_forms=None)) == ["InputLayer", "AveragePooling2D"]


def test_the_edges_of_average_pooling_cost_nothing_where_nothing_is_padded():
    assert len(kinds(prepared(lambda x: layers.AveragePooling2D(2, padding="same")(x), (8, 8, 4)))) == 2
    assert len(kinds(prepared(lambda x: layers.AveragePooling2D(2, padding="same")(x), (9, 8, 4)))) == 3


def test_a_relu_that_nothing_takes_in_follows_a_convolution_in_int8_only():
    def make(x):
        y = layers.Concatenate()([layers.Conv2D(3, 1)(x), x])
        z = layers.Conv2D(7, 1)(y)
        once = layers.ReLU()(layers.Add()([z, y]))  # the sum takes it in
        return layers.Concatenate()([layers.ReLU(6.0)(y), layers.ReLU()(z), z, once])

    assert kinds(prepared(make)).count("DepthwiseConv2D") == 2
    assert "DepthwiseConv2D" not in kinds(prepared(make, int8_forms=None))


@pytest.mark.parametrize(("count", "expected"), [(5, [5]), (6, [5, 2]), (14, [5, 5, 5, 2])])
def test_no_more_than_five_are_concatenated_at_once(count, expected):
    def make(x):
        return layers.Concatenate(axis=2)([layers.Conv2D(3, 1, name=f"branch{i}")(x) for i in range(count)])

    model = prepared(make, int8_forms=None)
    inputs = [len(layer.input) for layer in model.layers if isinstance(layer, layers.Concatenate)]
    assert inputs == expected and model.output_shape == (None, 9, 9 * count, 3)


@pytest.mark.parametrize("pool", [layers.MaxPooling2D, layers.AveragePooling2D])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_pool_that_only_drops_pixels_becomes_a_convolution(pool, padding):
    for strides in (2, (3, 1)):
        model = prepared(lambda x, strides=strides: pool(1, strides, padding)(x), int8_forms=None)
        assert kinds(model) == ["InputLayer", "DepthwiseConv2D"]


def test_flipped_channels_turn_the_next_kernel_round():
    def make(x):
        x = layers.Rescaling([2.0, 3.0, 4.0, 5.0], offset=[0.1, 0.2, 0.3, 0.4])(ops.flip(x, axis=-1))
        return layers.Conv2D(3, 3, strides=2)(layers.ZeroPadding2D(1)(x))

    assert "Flip" not in kinds(prepared(make))
    assert "Flip" in kinds(prepared(lambda x: layers.Conv2D(3, 3)(ops.flip(x, axis=1))))  # rows stay as they are


def test_what_only_training_needs_is_gone():
    def make(x):
        x = layers.RandomFlip()(x)
        x = layers.GaussianNoise(0.1)(layers.Activation("linear")(x))
        return layers.Dropout(0.5)(layers.Identity()(layers.Conv2D(3, 3, name="conv")(x)))

    assert kinds(prepared(make)) == ["InputLayer", "Conv2D"]


def heads():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    aux = layers.Dense(2, name="aux1")(layers.Flatten(name="aux_flatten")(x))
    return randomised(keras.Model(inputs, [layers.Dense(2, name="logits")(layers.GlobalMaxPooling2D()(x)), aux]))


def test_auxiliary_heads_are_removed_unless_wanted():
    model, x = heads(), pictures(2, 8, 8, 3)
    assert "Flatten" not in kinds(prepare(model))
    np.testing.assert_allclose(prepare(model)(x), model(x)[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(prepare(model, outputs="aux1")(x), model(x)[1], rtol=1e-5, atol=1e-6)
    assert len(prepare(model, outputs=[0, 1]).outputs) == 2


@pytest.mark.parametrize("wanted", ["nothing", 2, []])
def test_an_output_that_is_not_there_is_refused(wanted):
    with pytest.raises(UserError, match="the model has"):
        prepare(heads(), outputs=wanted)


def test_shared_layers_fold_once_and_stay_shared():
    conv, bn = layers.Conv2D(4, 3, use_bias=False, name="conv"), layers.BatchNormalization()
    model = prepared(lambda x: layers.Add()([bn(conv(x)), bn(conv(layers.ReLU()(x)))]))
    assert len(model.weights) == 2


def test_channels_first_is_refused_in_one_line():
    inputs = keras.Input((3, 8, 8))
    model = keras.Model(inputs, layers.Conv2D(4, 3, data_format="channels_first", name="stem")(inputs))
    with pytest.raises(UserError, match="'stem' is channels_first"):
        prepare(model)


NETWORKS = ["MobileNetV3Small", "EfficientNetB0", "ResNet50V2", "ConvNeXtTiny"]
SLOW = ["MobileNetV2", "MobileNetV3Large", "DenseNet121", "InceptionV3", "InceptionResNetV2", "Xception"]
SLOW += ["NASNetMobile", "EfficientNetV2B0", "ResNet50", "VGG16", "MobileNet"]


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_networks_of_keras_applications_answer_the_same(name):
    size = 80 if "ception" in name else 65
    size = 64 if name in ("NASNetMobile", "ConvNeXtTiny") else size
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None
    )
    randomised_like_trained(model)
    result = prepare(model)
    assert not {"BatchNormalization", "Rescaling", "Normalization", "Dropout"} & set(kinds(result))
    x = np.random.default_rng(1).uniform(-1, 1, (2, size, size, 3)).astype("float32")
    if "V3" in name or "Efficient" in name or "ConvNeXt" in name:
        x = 127.5 * (x + 1)
    theirs, ours = np.asarray(model(x, training=False)), np.asarray(result(x, training=False))
    assert theirs.std() > 0.01 and np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


OWN = ["resnet20_cifar", "mobilenet_v3_small", "googlenet", "tdnn", "highway11_cifar"]
OWN_SLOW = ["efficientnet_lite0", "bit_r50x1", "resnext50_32x4d", "squeezenet1_1", "resnet50_v2", "inception_v4"]
OWN_SLOW += ["densenet_40_12_cifar", "mnasnet_100", "se_resnet50", "nin_cifar", "lenet5_1998", "xception"]


@pytest.mark.parametrize("name", [*OWN, *(pytest.param(n, marks=pytest.mark.slow) for n in OWN_SLOW)])
def test_networks_of_this_package_answer_the_same(name):
    size = {"inception_v4": 96, "xception": 96, "lenet5_1998": 32, "tdnn": 16}.get(name, 64)
    model = randomize(keras_cnns.build(name, input_shape=(size, size, 3), classes=10, include_preprocessing=True))
    result = prepare(model)
    x = conftest_pictures(2, (size, size, 3), high=255)
    theirs, ours = (np.asarray(keras.tree.flatten(m(x, training=False))[0]) for m in (model, result))
    assert theirs.std() > 0.001 and np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def randomised_like_trained(model):
    """Gains, offsets and statistics away from the defaults, kernels as initialised: deep networks stay finite."""
    rng = np.random.default_rng(0)
    for v in model.weights:
        name = v.path.split("/")[-1]
        if name in ("gamma", "moving_variance"):
            v.assign(rng.uniform(0.6, 1.4, v.shape))
        elif name in ("beta", "bias", "moving_mean"):
            v.assign(rng.normal(0, 0.2, v.shape))
