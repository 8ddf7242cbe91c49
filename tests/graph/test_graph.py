"""Any model is read into a graph and built again; what cannot be is named in one line."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UserError


def randomised(model, seed=0):
    """Weights and batch statistics that are not the defaults."""
    rng = np.random.default_rng(seed)
    for v in model.weights:
        name = v.path.split("/")[-1]
        if name in ("gamma", "moving_variance"):
            v.assign(rng.uniform(0.5, 1.5, v.shape))
        elif name in ("beta", "bias", "moving_mean"):
            v.assign(rng.normal(0, 0.3, v.shape))
        elif name != "seed_generator_state":
            v.assign(rng.normal(0, 1 / np.sqrt(np.prod(v.shape[:-1]) or 1), v.shape))
    return model


def pictures(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def rebuilt(model):
    return read(model).build()


def same_answers(model, other, x):
    theirs, ours = (keras.tree.flatten(m(x, training=False)) for m in (model, other))
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(np.asarray(b), np.asarray(a), rtol=1e-6, atol=1e-6)


def test_a_model_comes_back_equal_and_the_source_keeps_its_weights_and_its_graph(tmp_path):
    x = inputs = keras.Input((9, 9, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="silu", name="stem")(x))
    x = layers.Concatenate()([x, layers.ReLU(6.0)(x), 2.0 * x + 1.0])
    x = ops.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])
    model = randomised(keras.Model(inputs, layers.Dense(5, name="logits")(layers.Flatten()(x)), name="small"))
    before = [w.copy() for w in model.get_weights()]
    other = rebuilt(model)
    same_answers(model, other, pictures(2, 9, 9, 3))
    assert other.name == "small" and other.get_layer("stem").activation is keras.activations.silu
    other.get_layer("logits").kernel.assign(0 * other.get_layer("logits").kernel)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "source.keras")
    other.save(tmp_path / "rebuilt.keras")
    same_answers(keras.models.load_model(tmp_path / "source.keras"), model, pictures(2, 9, 9, 3))
    same_answers(keras.models.load_model(tmp_path / "rebuilt.keras"), other, pictures(2, 9, 9, 3))


def test_nested_models_are_laid_flat_and_names_stay_unique():
    inner_in = keras.Input((8, 8, 4))
    inner = keras.Model(inner_in, layers.Conv2D(4, 3, padding="same", name="conv")(inner_in), name="inner")
    body = keras.Sequential([keras.Input((8, 8, 4)), inner, layers.ReLU(), layers.Dropout(0.5)], name="body")
    inputs = keras.Input((8, 8, 3))
    x = body(layers.Conv2D(4, 1, name="conv")(inputs), training=False)
    model = randomised(keras.Model(inputs, layers.GlobalAveragePooling2D()(x)))
    flat = rebuilt(model)
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    assert {"conv", "conv_1"} <= {layer.name for layer in flat.layers}
    same_answers(model, flat, pictures(2, 8, 8, 3))


def test_a_layer_called_twice_stays_one_layer():
    first, second = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    conv = layers.Conv2D(4, 3, name="shared")
    model = randomised(keras.Model([first, second], layers.Subtract()([conv(first), layers.ReLU()(conv(second))])))
    other = rebuilt(model)
    assert other.count_params() == model.count_params()
    assert [t.name for t in other.inputs] == ["left", "right"]
    same_answers(model, other, [pictures(2, 8, 8, 3), pictures(2, 8, 8, 3, seed=2)])


def test_dicts_and_several_outputs_keep_their_nesting():
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
    parts = ops.split(layers.Add()([inputs["a"], inputs["b"]]), 2, axis=1)
    model = randomised(keras.Model(inputs, {"low": layers.Dense(3)(parts[0]), "high": parts[1]}))
    x = {"a": pictures(2, 4), "b": pictures(2, 4, seed=3)}
    result = rebuilt(model)(x)
    assert set(result) == {"low", "high"}
    same_answers(model, rebuilt(model), x)


def test_reduced_precision_becomes_float32():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, dtype="mixed_float16")(inputs)
    model = randomised(keras.Model(inputs, layers.Dense(2, dtype="mixed_bfloat16")(layers.Flatten()(x))))
    assert {layer.compute_dtype for layer in rebuilt(model).layers} == {"float32"}


def test_normalization_counts_with_what_it_computes_with():
    layer = layers.Normalization()
    layer.adapt(3 + 2 * pictures(50, 6, 6, 3))
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, layer(inputs))
    same_answers(model, rebuilt(model), pictures(2, 6, 6, 3))


class Unknown(layers.Layer):
    def call(self, x):
        return x + 1


@keras.saving.register_keras_serializable("test_graph")
class Known(Unknown):
    pass


def test_a_registered_custom_layer_is_carried_over():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Known(name="mine")(inputs))
    same_answers(model, rebuilt(model), pictures(2, 4))


@pytest.mark.parametrize("layer", [Unknown(name="odd"), layers.Lambda(lambda x: x * 2, name="odd")])
def test_layers_that_no_config_can_make_again_are_carried_over(layer):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(inputs))
    same_answers(model, rebuilt(model), pictures(2, 4))
    assert len(layer._inbound_nodes) == 1  # the source got no call from it


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


class Overridden(keras.Model):
    def __init__(self):
        inputs = keras.Input((4,))
        super().__init__(inputs, layers.Dense(2)(inputs))

    def call(self, x, training=None):
        return super().call(x) + 1


@pytest.mark.parametrize("make", [Subclassed, Overridden, lambda: keras.Sequential([layers.Dense(2)]), lambda: "model"])
def test_what_has_no_graph_is_refused(make):
    with pytest.raises(UserError, match="subclassed|no input shape|not a Keras 3 model"):
        read(make())


def test_a_nested_subclassed_model_is_carried_over():
    inputs = keras.Input((4,))
    model = randomised(keras.Model(inputs, layers.Dense(3)(Subclassed()(inputs))))
    same_answers(model, rebuilt(model), pictures(2, 4))
