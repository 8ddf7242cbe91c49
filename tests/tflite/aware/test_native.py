"""A quantization-aware model computes as int8 would, trains as any Keras model, and its file has the same answers."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware import api, fake_quant
from keras_cnns.tflite.aware import convert as aware_convert
from keras_cnns.tflite.aware.calibrate import calibrate
from keras_cnns.tflite.aware.fake_quant import FakeQuant, RoundedConv2D, RoundedDense, rounded_kernel
from keras_cnns.tflite.rewrite.prepare import prepare
from keras_cnns.tflite.targets import runner
from tests.graph.test_graph import pictures, randomised

# Layers


def test_the_first_batch_sets_the_range_and_the_next_ones_move_it():
    layer = FakeQuant(momentum=0.75)
    x = np.array([[-1.0, 3.0]], "float32")
    np.testing.assert_array_equal(layer(x * 1.2345), x * 1.2345)  # nothing seen yet: nothing rounded
    layer(x, training=True)
    assert (float(layer.low), float(layer.high)) == (-1, 3)
    layer(2 * x, training=True)
    assert (float(layer.low), float(layer.high)) == (-1.25, 3.75)
    layer(100 * x, training=False)
    assert float(layer.high) == 3.75


def test_zero_is_always_in_the_range():
    layer = FakeQuant()
    layer(np.array([2.0, 5.0], "float32"), training=True)
    assert (float(layer.low), float(layer.high)) == (0, 5)


def test_activations_have_256_steps_and_gradients_pass_inside_the_range_only():
    layer = FakeQuant(0.0, 6.0)
    x = tf.linspace(-1.0, 7.0, 5001)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert len(np.unique(y)) == 256 and np.min(y) == 0 and np.max(y) == 6
    inside = (x.numpy() > 0.02) & (x.numpy() < 5.98)
    gradient = tape.gradient(y, x).numpy()
    assert np.all(gradient[inside] == 1) and not np.any(gradient[(x < 0) | (x > 6.02)])


def test_kernels_have_255_symmetric_steps_per_filter_and_gradients_pass():
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(3, 3, 64, 2)).astype("float32") * [1, 100])
    kernel.assign(tf.concat([kernel[..., :1], kernel[..., 1:] * 0], -1))  # a dead filter stays dead, not NaN
    with tf.GradientTape() as tape:
        rounded = rounded_kernel(kernel, [0, 1, 2])
        total = tf.reduce_sum(3 * rounded)
    steps = rounded[..., 0].numpy() / (np.abs(kernel.numpy()[..., 0]).max() / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(rounded - kernel).max() > 0 and not np.any(rounded[..., 1])
    np.testing.assert_array_equal(tape.gradient(total, kernel), np.full(kernel.shape, 3))


def test_a_grouped_convolution_computes_what_keras_does():
    ours, theirs = RoundedConv2D(8, 3, groups=4, padding="same"), layers.Conv2D(8, 3, groups=4, padding="same")
    x = pictures(2, 6, 6, 8)
    ours(x), theirs(x)
    theirs.set_weights([np.asarray(ours.rounded), pictures(8)])
    ours.bias.assign(pictures(8))
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


# Graphs


def made_of(make, shape=(8, 8, 4)):
    inputs = keras.Input(shape)
    return api.quantization_aware(randomised(keras.Model(inputs, make(inputs))))


def ranges(model):
    """Name of the layer -> the fixed range after it, or None where it is tracked."""
    results = {}
    for layer in model.layers:
        if isinstance(layer, FakeQuant):
            results[layer.input._keras_history.operation.name.removesuffix("_unrounded")] = layer.fixed
    return results


def test_nothing_is_rounded_between_a_convolution_or_sum_and_its_relu():
    def make(x):
        y = layers.ReLU(name="relu")(layers.Conv2D(4, 3, padding="same", name="conv")(x))
        y = layers.ReLU(6.0, name="relu6")(layers.Add(name="sum")([x, y]))
        two = layers.Conv2D(4, 1, name="read_twice")(y)
        return layers.Add(name="end")([two, layers.ReLU(name="late")(two)])

    rounded = ranges(made_of(make))
    assert not {"conv", "sum"} & set(rounded)
    assert rounded["relu6"] == (0, 6) and rounded["relu"] is None
    assert {"read_twice", "late", "end"} <= set(rounded)


def test_operators_that_keep_the_scale_have_no_range_of_their_own():
    def make(x):
        x = layers.MaxPooling2D(2, name="pool")(layers.ZeroPadding2D(1, name="zeros")(x))
        x = ops.pad(x, [[0, 0], [0, 0], [0, 0], [1, 1]])
        x = layers.Dropout(0.1, name="dropout")(layers.Flatten(name="flatten")(x))
        return layers.Dense(3, activation="softmax", name="dense")(x)

    rounded = ranges(made_of(make))
    assert len(rounded) == 3 and rounded["dense_softmax"] == (0, 255 / 256)


def test_fixed_ranges_of_sigmoid_and_tanh():
    rounded = ranges(made_of(lambda x: layers.Activation("tanh", name="t")(layers.Activation("silu", name="s")(x))))
    assert rounded["s_sigmoid"] == (0, 255 / 256) and rounded["t"] == (-1, 127 / 128) and rounded["s_silu"] is None


def test_a_calibrated_model_answers_nearly_as_the_float_model():
    def make(x):
        x = layers.BatchNormalization()(layers.Conv2D(8, 3, groups=2, use_bias=False)(x))
        x = layers.Activation("hard_silu")(x)
        x = layers.Concatenate()([x, layers.SeparableConv2D(5, 3, padding="same", activation="silu")(x)])
        return layers.Dense(6)(layers.GlobalAveragePooling2D()(x))

    inputs = keras.Input((12, 12, 4))
    model = randomised(keras.Model(inputs, make(inputs)))
    aware = api.quantization_aware(model)
    x = pictures(64, 12, 12, 4)
    calibrate(aware, x)
    noise = np.asarray(aware(x)) - np.asarray(model(x, training=False))
    assert 0 < noise.std() < 0.05 * np.asarray(model(x, training=False)).std()


def test_frozen_layers_stay_frozen():
    inputs = keras.Input((4,))
    base = layers.Dense(3, name="base", trainable=False)
    aware = api.quantization_aware(keras.Model(inputs, layers.Dense(2, name="head")(base(inputs))))
    assert len(aware.get_layer("head_unrounded").trainable_weights) == 2
    assert not aware.get_layer("base").trainable_weights


# From training to the file


@pytest.fixture(scope="module")
def aware(network, digits):
    """The digits network after two epochs of quantization-aware training."""
    (x, y), _ = digits
    model = api.quantization_aware(network)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, 64, epochs=2, verbose=0, callbacks=[keras.callbacks.ReduceLROnPlateau("loss")])
    return model


def written(tmp_path, data):
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    return path


def test_ordinary_fit_trains_it_without_xla(aware, network, digits):
    _, (x, y) = digits
    assert aware.jit_compile is False
    before = np.mean(network.predict(x, verbose=0).argmax(1) == y)
    assert np.mean(aware.predict(x, verbose=0).argmax(1) == y) > before - 0.02
    assert not np.allclose(aware.get_layer("predictions_unrounded").kernel, network.get_layer("predictions").kernel)


@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
def test_the_file_agrees_with_the_fake_quantized_model(aware, digits, tmp_path, kind):
    _, (x, y) = digits
    data = aware_convert.convert(aware, input_type=kind, output_type=kind)
    theirs, ours = aware.predict(x, verbose=0), runner.predict(written(tmp_path, data), x)
    assert np.mean(theirs.argmax(1) == ours.argmax(1)) >= 0.98
    assert np.mean(np.abs(theirs - ours)) < 0.01


def test_the_file_is_int8_throughout_with_kernels_per_filter_and_keeps_names(aware):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    file = Interpreter(model_content=aware_convert.convert(aware), experimental_op_resolver_type=plain)
    file.allocate_tensors()
    tensors = file.get_tensor_details()
    assert {t["dtype"] for t in tensors} == {np.int8, np.int32}
    kernel = [t for t in tensors if tuple(t["shape"]) == (24, 3, 3, 16)]
    assert len(kernel) == 1 and len(kernel[0]["quantization_parameters"]["scales"]) == 24
    assert file.get_signature_list()["serving_default"] == {"inputs": ["image"], "outputs": ["predictions"]}


@pytest.mark.slow
def test_a_saved_model_answers_alike_and_exports_alike(aware, digits, tmp_path):
    _, (x, _) = digits
    aware.save(tmp_path / "aware.keras")
    again = keras.models.load_model(tmp_path / "aware.keras")
    np.testing.assert_array_equal(again.predict(x[:50], verbose=0), aware.predict(x[:50], verbose=0))
    assert fake_quant.is_quantization_aware(again) and aware_convert.convert(again) == aware_convert.convert(aware)


def test_any_batch(aware, digits, tmp_path):
    _, (x, _) = digits
    path = written(tmp_path, aware_convert.convert(aware, batch=4))
    theirs = aware.predict(x[:8], verbose=0)
    np.testing.assert_allclose(runner.predict(path, x[:8]), theirs, atol=0.06)


def test_shared_layers_and_two_inputs(tmp_path):
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    conv = layers.Conv2D(6, 3, activation="relu")
    both = layers.Concatenate()([conv(left), conv(right)])
    aware = api.quantization_aware(randomised(keras.Model([left, right], layers.Conv2D(4, 1, name="out")(both))))
    assert sum(isinstance(layer, RoundedConv2D) for layer in aware.layers) == 2
    x = {"left": pictures(16, 8, 8, 3), "right": pictures(16, 8, 8, 3, seed=2)}
    aware([x["left"], x["right"]], training=True)
    path = written(tmp_path, aware_convert.convert(aware))
    theirs = np.asarray(aware([x["left"], x["right"]]))
    assert np.abs(runner.predict(path, x) - theirs).mean() < 0.02 * theirs.std()


def test_average_pooling_is_an_int8_convolution_that_training_leaves_alone(tmp_path):
    def make(x):
        x = layers.AveragePooling2D(3, 1, "same")(layers.Conv2D(8, 3, name="conv")(x))
        return layers.Conv2D(3, 1)(layers.MaxPooling2D(1, 2)(x))

    aware, x = made_of(make), pictures(16, 8, 8, 4)
    assert len(aware.trainable_weights) == 4  # two kernels, two biases
    aware.compile("sgd", "mse", jit_compile=False)
    aware.fit(x, np.zeros((16, 3, 3, 3)), verbose=0)
    aware.save(tmp_path / "aware.keras")
    aware = keras.models.load_model(tmp_path / "aware.keras")
    theirs, path = aware.predict(x, verbose=0), written(tmp_path, aware_convert.convert(aware))
    assert not runner.ask("describe", file=str(path))[0]["undelegated"]
    assert np.abs(runner.predict(path, x) - theirs).mean() < 0.02 * theirs.std()


def test_layers_without_an_int8_form_become_islands_of_float(tmp_path):
    aware = made_of(lambda x: layers.Conv2D(3, 1)(layers.LayerNormalization()(layers.Conv2D(8, 3)(x))))
    x = pictures(16, 8, 8, 4)
    calibrate(aware, x)
    theirs = np.asarray(aware(x))
    ours = runner.predict(written(tmp_path, aware_convert.convert(aware)), x)
    assert np.abs(ours - theirs).mean() < 0.02 * theirs.std()


MIRRORED = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_cnns.tflite.aware import api, convert as aware_convert
x = np.random.default_rng(0).normal(size=(32, 6, 6, 2)).astype("float32")
y = np.arange(32) % 3
def trained(strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Conv2D(4, 3, use_bias=False),
                                  keras.layers.BatchNormalization(synchronized=True), keras.layers.ReLU(),
                                  keras.layers.Flatten(), keras.layers.Dense(3)])
        model = api.quantization_aware(model, momentum=0.5, hold_statistics=False)
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(True))
    model.fit(x, y, 16, epochs=2, shuffle=False, verbose=0)
    return model
one, two = trained(tf.distribute.get_strategy()), trained(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
assert two.layers[-2].kernel.value.__class__.__name__ == "MirroredVariable"
for a, b in zip(one.trainable_weights, two.trainable_weights):
    np.testing.assert_allclose(a.numpy(), b.numpy(), atol=0.02)  # a range is the mean of the replicas' own
for a, b in zip(*([l for l in m.layers if "batch_norm" in l.name] for m in (one, two)), strict=True):
    assert np.abs(b.moving_mean.numpy()).max() > 0.01
    np.testing.assert_allclose(a.moving_mean.numpy(), b.moving_mean.numpy(), atol=0.005)
    np.testing.assert_allclose(a.moving_variance.numpy(), b.moving_variance.numpy(), rtol=0.05)
low, high, seen = [np.asarray(w) for w in two.layers[1].weights]
halves = [x[i:i + 8] for i in (0, 8, 16, 24)] * 2  # two replicas' share of each batch
expected = None
for first, second in zip(halves[::2], halves[1::2]):
    step = (first.max() + second.max()) / 2
    expected = step if expected is None else (expected + step) / 2
np.testing.assert_allclose(high, expected, rtol=1e-5)
assert seen == 1 and len(aware_convert.convert(two)) > 1000
print("mirrored")
"""


@pytest.mark.slow
def test_two_replicas_train_one_set_of_ranges():
    done = subprocess.run([sys.executable, "-c", MIRRORED], capture_output=True, text=True)
    assert done.stdout.strip() == "mirrored", done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("fold", [False, True])
def test_batch_norm_is_trained_or_folded_first_and_gone_in_the_file(network, digits, tmp_path, fold):
    (x, y), (test, labels) = digits
    aware = api.quantization_aware(network, fold=fold, pictures=x[:200])
    assert any(isinstance(layer, layers.BatchNormalization) for layer in aware.layers) is not fold
    untrained = aware.predict(test, verbose=0)
    aware.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    aware.fit(x, y, 64, epochs=1, verbose=0)
    plain = aware_convert.frozen(aware)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in plain.layers)
    theirs = aware.predict(test, verbose=0)
    np.testing.assert_allclose(plain.predict(test, verbose=0), theirs, atol=0.05)
    assert np.abs(untrained - theirs).max() > 0.05
    ours = runner.predict(written(tmp_path, aware_convert.convert(aware)), test)
    assert np.mean(theirs.argmax(1) == ours.argmax(1)) >= 0.98


def test_folding_before_or_after_gives_the_same_file(network, digits):
    x = digits[0][0][:200]
    before, after = (api.quantization_aware(network, fold=fold, pictures=x) for fold in (True, False))
    for name in ("conv2d", "depthwise_conv2d"):
        folded, plain = (next(a for a in aware_convert.frozen(m).layers if name in a.name) for m in (before, after))
        np.testing.assert_allclose(plain.kernel, folded.kernel, atol=1e-5)
        np.testing.assert_allclose(plain.bias, folded.bias, atol=1e-5)


# What is refused


def test_what_cannot_be_used_is_refused(network, aware):
    with pytest.raises(UserError, match="already quantization-aware"):
        api.quantization_aware(aware)
    with pytest.raises(UserError, match="is not quantization-aware"):
        aware_convert.convert(network)
    with pytest.raises(UserError, match="has no range yet"):
        aware_convert.convert(api.quantization_aware(network))
    with pytest.raises(UserError, match="no method 'magic'"):
        api.quantization_aware(network, method="magic")


def test_the_source_is_left_alone(network, digits):
    _, (x, _) = digits
    before = network.predict(x[:20], verbose=0)
    aware = api.quantization_aware(network)
    kernel = aware.get_layer("predictions_unrounded").kernel
    kernel.assign(0 * kernel)
    np.testing.assert_array_equal(network.predict(x[:20], verbose=0), before)
    assert isinstance(aware.get_layer("predictions_unrounded"), RoundedDense)
    assert not fake_quant.is_quantization_aware(network) and not fake_quant.is_quantization_aware(prepare(network))


@pytest.mark.parametrize("shape", [(4, 16, 16), (4, 16, 16, 3), (0, 16, 16, 1), (2, 4, 16, 16, 1)])
def test_pictures_that_cannot_set_ranges_are_refused(network, shape):
    with pytest.raises(UserError, match="do not fit|are none"):
        api.quantization_aware(network, pictures=np.ones(shape, "float32"))
    with pytest.raises(UserError, match="NaN"):
        api.quantization_aware(network, pictures=np.full((4, 16, 16, 1), np.nan))


def test_a_training_that_diverged_is_not_exported(network, digits):
    aware = api.quantization_aware(network, pictures=digits[0][0][:32])
    aware.layers[1].high.assign(np.nan)
    with pytest.raises(UserError, match="diverged"):
        aware_convert.convert(aware)


@pytest.mark.slow
def test_several_outputs_of_one_operation(tmp_path):
    def make(x):
        first, second = ops.split(layers.Conv2D(8, 3)(x), 2, axis=-1)
        third, fourth = ops.split(layers.Conv2D(8, 3)(x), 2, axis=-1)
        product = layers.Multiply()([layers.ReLU()(first), ops.transpose(second, (0, 1, 2, 3))])
        return layers.Concatenate()([fourth, product, third])

    aware, x = made_of(make), pictures(32, 8, 8, 4)
    calibrate(aware, x)
    theirs = np.asarray(aware(x))
    ours = runner.predict(written(tmp_path, aware_convert.convert(aware)), x)
    assert np.abs(ours - theirs).mean() < 0.02 * theirs.std()
