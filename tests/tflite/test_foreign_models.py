"""Models as other people make them: the file answers as the Keras model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export, predict, quantization_aware
from tests.fuzz.sweep import one_child


@pytest.fixture(autouse=True, scope="module")
def _one_child():
    """LiteRT in one process for all files here, not in a new one for each: half of the time."""
    with one_child():
        yield


RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 8, 8, 3)).astype("float32")


def seq(*stack):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((8, 8, 3)), *stack])


def snr_db(model, path, x=X):
    right, result = (np.asarray(v, np.float64) for v in (model.predict(x, verbose=0), predict(path, x)))
    return 10 * np.log10(np.sum(right**2) / max(np.sum((right - result) ** 2), 1e-20))


class LayerScale(layers.Layer):
    """Bears the name of one of Keras's, computes something else, and its config says nothing of `factor`."""

    def __init__(self, factor=3.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return self.factor * x * self.gamma + 1.0


def gate(x):
    return ops.relu(x) * ops.tanh(x)


CARRIED = {
    "a layer of the name of Keras's": lambda: [layers.Conv2D(4, 3), LayerScale(5.0)],
    "an activation that is a layer": lambda: [layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1))],
    "an activation that is a function": lambda: [layers.Conv2D(4, 3, activation=gate), layers.BatchNormalization()],
    "a lambda": lambda: [layers.Conv2D(4, 3), layers.Lambda(lambda x: x * 3)],
}


@pytest.mark.parametrize("stack", CARRIED.values(), ids=CARRIED.keys())
def test_what_no_config_says_is_carried_over(stack, tmp_path):
    model = seq(*stack())
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80


def test_the_next_file_has_what_was_changed_since_the_last(tmp_path):
    model = seq(layers.Conv2D(4, 3), layers.LeakyReLU(0.1), LayerScale(2.0), layers.Flatten(), layers.Dense(3))
    changes = [
        lambda: None,
        lambda: setattr(model.layers[1], "negative_slope", 0.7),
        lambda: setattr(model.layers[2], "factor", 9.0),
        lambda: setattr(model.layers[0], "activation", keras.activations.tanh),
        lambda: model.add(layers.Softmax()),
    ]
    for change in changes:
        change()
        model = keras.Sequential([keras.Input((8, 8, 3)), *model.layers])  # predict itself remembers what it traced
        export(model, tmp_path / "net.tflite", images=X)
        assert snr_db(model, tmp_path / "net.tflite") > 80


def test_a_global_policy_does_not_leak_into_the_file(tmp_path):
    model = seq(layers.Conv2D(4, 3, activation="silu"), layers.Flatten(), layers.Dense(3, activation="softmax"))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        export(model, tmp_path / "net.tflite", images=X)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert snr_db(model, tmp_path / "net.tflite") > 80


GIVEN = {
    "representative_dataset": lambda: lambda: ([X[i : i + 1]] for i in range(20)),
    "batches with labels, as lists": lambda: [[X[i : i + 8], np.zeros(8)] for i in range(0, 32, 8)],
    "pictures and labels": lambda: (X, np.zeros(32)),
    "dicts with more in them": lambda: tf.data.Dataset.from_tensor_slices({"image": X, "label": np.zeros(32)}).batch(8),
    "single pictures with labels": lambda: tf.data.Dataset.from_tensor_slices((X, np.zeros(32))),
}


@pytest.mark.parametrize("inputs", GIVEN.values(), ids=GIVEN.keys())
def test_whatever_fit_takes_calibrates(inputs, tmp_path):
    model = seq(layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3))
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=inputs(), images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 20


def ended(call):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    return keras.Model(image, call(layers.Dense(4)(layers.Flatten()(image))))


KINDS = {
    "classifier": lambda z: layers.Identity()(layers.Reshape((4,))(ops.softmax(z))),
    "logits": lambda z: z,
    "multilabel": ops.sigmoid,
    "classes": lambda z: ops.argmax(z, axis=-1),
    "embedding": lambda z: layers.UnitNormalization()(z),
    "regression": lambda z: ops.exp(0.1 * z),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_an_output_is_read_from_the_end_of_the_graph(kind, tmp_path):
    report = export(ended(KINDS[kind]), tmp_path / "net.tflite", scheme="int8", calibration=X, images=X)
    assert report.status == "pass" and [c.kind for c in report.comparisons] == [kind]


def test_the_kind_of_an_output_can_be_stated(tmp_path):
    report = export(ended(KINDS["logits"]), tmp_path / "net.tflite", outputs="regression", images=X)
    assert report.comparisons[0].kind == "regression"
    with pytest.raises(UserError, match="say one of classifier"):
        export(ended(KINDS["logits"]), tmp_path / "net.tflite", outputs="numbers", images=X)


def test_half_a_split(tmp_path):
    image = keras.Input((8, 8, 3))
    first, _, third = ops.split(layers.Conv2D(8, 1)(image), [2, 5], axis=-1)
    model = keras.Model(image, layers.Conv2D(3, 1)(layers.Concatenate()([first, third])))
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=X)
    assert snr_db(model, tmp_path / "net.tflite") > 20


def recurrent(layer):
    steps = keras.Input((5, 4))
    return keras.Model(steps, layers.Dense(3)(layer(steps))), RNG.normal(size=(32, 5, 4)).astype("float32")


def states():
    steps = keras.Input((5, 4))
    last, hidden, cell = layers.LSTM(4, unroll=True, return_state=True)(steps)
    return keras.Model(steps, layers.Dense(3)(last) + layers.Dense(3)(cell)), RNG.normal(size=(32, 5, 4)).astype("f4")


def some_steps():
    steps = keras.Input((5, 4))
    first, _, third, *_ = ops.unstack(steps, axis=1)
    return keras.Model(steps, layers.Dense(3)(first - third)), RNG.normal(size=(32, 5, 4)).astype("float32")


def masked_mean():
    words = keras.Input((6,), dtype="int32")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4, mask_zero=True)(words))
    return keras.Model(words, layers.Dense(3)(mean)), RNG.integers(1, 10, (32, 6)) * (np.arange(6) < 4)


def by_their_length():
    image = keras.Input((8, 8, 3))
    z = layers.Dense(4)(layers.Flatten()(image))
    return keras.Model(image, layers.Dense(3)(z / ops.sqrt(ops.sum(z * z, -1, keepdims=True)))), X


def logarithm():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, ops.softplus(layers.Dense(4)(layers.Flatten()(image)))), X


def turned_round():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    return keras.Model(image, layers.Conv2D(3, 3)(layers.Concatenate()([x, -x, 1 - x]))), X


PARTS = {
    "minus": turned_round,
    "an unrolled LSTM": lambda: recurrent(layers.LSTM(4, unroll=True)),
    "an unrolled GRU": lambda: recurrent(layers.GRU(4, unroll=True)),
    "both ways": lambda: recurrent(layers.Bidirectional(layers.GRU(3, unroll=True, reset_after=False))),
    "cells above each other": lambda: recurrent(
        layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], unroll=True, return_sequences=True)
    ),
    "states": states,
    "some of the steps": some_steps,
    "a division by what may round to zero": masked_mean,
    "a division by a length": by_their_length,
    "a logarithm of what may round to zero": logarithm,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("aware", [False, True], ids=["after training", "aware"])
@pytest.mark.parametrize("make", PARTS.values(), ids=PARTS.keys())
def test_results_that_nobody_reads_and_numbers_near_zero_in_int8(make, aware, tmp_path):
    keras.utils.set_random_seed(0)
    model, x = make()
    inputs = quantization_aware(model, pictures=x) if aware else model
    export(inputs, tmp_path / "net.tflite", scheme="int8", calibration=x, images=x)
    assert snr_db(model, tmp_path / "net.tflite", x) > 20


def twice(structure):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    z = layers.Dense(4, name="scores")(layers.Flatten()(image))
    return keras.Model(image, structure(z))


GIVEN_OUT = {
    "twice": lambda z: [z, z],
    "twice by name, and read": lambda z: {"a": z, "b": z, "c": layers.Softmax()(z)},
    "a softmax, and read": lambda z: {"a": (p := ops.softmax(z)), "b": layers.Dense(2)(p)},
    "the input too": lambda z: {"a": z, "b": layers.ReLU()(z), "c": z},
}


@pytest.mark.parametrize("output_type", ["float32", "int8"])
@pytest.mark.parametrize("structure", GIVEN_OUT.values(), ids=GIVEN_OUT.keys())
def test_a_result_given_out_more_than_once_in_int8(structure, output_type, tmp_path):
    model, path = twice(structure), tmp_path / "net.tflite"
    export(model, path, scheme="int8", calibration=X, images=X, output_type=output_type, force=True)
    wanted, answers = model.predict(X, verbose=0), predict(path, X)
    pairs = (
        [(wanted[k], answers[k]) for k in wanted]
        if isinstance(wanted, dict)
        else zip(wanted, answers.values(), strict=True)
    )
    for right, answer in pairs:
        assert 10 * np.log10(np.sum(right**2) / np.sum((right - answer) ** 2)) > 20


def test_an_output_that_is_called_auxiliary_stays_unless_it_is_a_second_classifier(tmp_path):
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3)(image)
    classes = [layers.Dense(3, name=name)(layers.Flatten()(features)) for name in ("main", "aux")]
    model = keras.Model(image, [*classes, layers.Conv2D(1, 1, name="auxiliary_depth")(features)])
    report = export(model, tmp_path / "net.tflite", images=X)
    assert sorted(predict(tmp_path / "net.tflite", X)) == ["auxiliary_depth", "main"]
    assert any(note.startswith("aux is left out") for note in report.notes)


@pytest.mark.parametrize("method", ["call", "convolution_op"])
def test_a_method_that_was_replaced_is_carried_over(method, tmp_path):
    conv = layers.Conv2D(4, 3)
    model = seq(conv, layers.Flatten(), layers.Dense(3))
    plain = getattr(conv, method)
    setattr(conv, method, lambda *args: 2 * plain(*args) + 1)
    model = keras.Sequential([keras.Input((8, 8, 3)), *model.layers])
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80


@pytest.mark.parametrize("aware", [False, True], ids=["after training", "aware"])
def test_a_variable_that_the_graph_calculates_with(aware, tmp_path):
    """It is no layer's, and what it holds now is what the next file has."""
    gain, image, path = keras.Variable(np.float32([2, 3, 4])), keras.Input((8, 8, 3)), tmp_path / "net.tflite"
    model = keras.Model(image, layers.Conv2D(3, 3)(image) * gain)
    for value in ([2, 3, 4], [9, 1, 5]):
        gain.assign(value)
        inputs = quantization_aware(model, pictures=X) if aware else model
        export(inputs, path, scheme="int8" if aware else "float32", images=X)
        right, answers = np.asarray(model(X)), predict(path, X)
        assert 10 * np.log10(np.sum(right**2) / np.sum((right - answers) ** 2)) > (20 if aware else 80)


def test_a_prelu_for_an_activation(tmp_path):
    alpha = keras.initializers.Constant(0.3)
    model = seq(
        layers.Conv2D(4, 3, activation=layers.PReLU(alpha, shared_axes=[1, 2])),
        layers.Flatten(),
        layers.Dense(3, activation=layers.PReLU(alpha)),
    )
    for scheme, least in (("float32", 80), ("int8", 20)):
        export(model, tmp_path / "net.tflite", scheme=scheme, calibration=X, images=X)
        assert snr_db(model, tmp_path / "net.tflite") > least


def test_an_open_size_is_that_of_the_pictures(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80
    with pytest.raises(UserError, match="open shape"):
        export(model, tmp_path / "net.tflite")


RECURRENT = {
    "both directions": lambda: layers.Bidirectional(layers.GRU(4, recurrent_dropout=0.3)),
    "cells in a stack": lambda: layers.RNN([layers.SimpleRNNCell(4, dropout=0.3), layers.GRUCell(3, dropout=0.1)]),
}


@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT.keys())
def test_dropout_inside_a_recurrent_layer_is_left_out_of_the_file(make, tmp_path):
    """Keras draws its random numbers in inference too, which no file can."""
    model = seq(layers.Conv2D(4, 3), layers.Reshape((6, 24)), make(), layers.Dense(3))
    export(model, tmp_path / "net.tflite", images=X)
    assert snr_db(model, tmp_path / "net.tflite") > 80
