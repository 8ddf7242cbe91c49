"""Quantization-aware training does not ruin what it is given: statistics, frozen layers, ranges, names, answers."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from PIL import Image

from keras_cnns.layers import HeldBatchNormalization
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite import export, predict, quantization_aware
from keras_cnns.tflite.aware import source
from keras_cnns.tflite.aware.calibrate import calibrate
from keras_cnns.tflite.aware.fake_quant import FakeQuant, unrounded
from keras_cnns.tflite.aware.source import source_of


def seq(shape, *stack, **names):
    return randomize(keras.Sequential([keras.Input(shape), *stack], **names))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def answers(model, x):
    return [np.asarray(a) for a in keras.tree.flatten(model.predict(x, verbose=0))]


def floats(aware, x):
    """What the quantization-aware model answers with its rounding off."""
    with unrounded(aware):
        return [np.asarray(a) for a in keras.tree.flatten(aware(x, training=False))]


def same(model, aware, x):
    for wanted, actual in zip(answers(model, x), floats(aware, x), strict=True):
        np.testing.assert_allclose(actual, wanted, atol=2e-5 * np.abs(wanted).max())


def ranges(model):
    """(smallest, largest) of each tracked range, in the order of the layers; flat, to be compared."""
    return [float(v) for n in model.layers if isinstance(n, FakeQuant) and n.fixed is None for v in (n.low, n.high)]


# Statistics


def normalized():
    """Batch norms behind a convolution, behind a ReLU, and in a nested network."""
    inner = keras.Sequential(
        [keras.Input((6, 6, 8)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU()], name="inner"
    )
    return seq(
        (8, 8, 3),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.BatchNormalization(),
        inner,
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    )


def trained_a_little(aware, x=None):
    aware.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(True), jit_compile=False)
    aware.fit(5 + noise(32, 8, 8, 3) if x is None else x, np.arange(32) % 3, 8, verbose=0)
    return [n for n in aware.layers if isinstance(n, layers.BatchNormalization)]


def test_statistics_stay_while_gain_and_offset_learn():
    aware = quantization_aware(normalized())
    norms = [n for n in aware.layers if isinstance(n, layers.BatchNormalization)]
    before = [n.get_weights() for n in norms]
    assert len(trained_a_little(aware)) == len(norms) == 2  # the third has no convolution before it
    for old, new in zip(before, (n.get_weights() for n in norms), strict=True):
        assert [np.array_equal(a, b) for a, b in zip(old, new, strict=True)] == [False, False, True, True]


def test_statistics_are_released_by_an_argument():
    aware = quantization_aware(normalized(), hold_statistics=False)
    before = [n.moving_mean.numpy() for n in aware.layers if isinstance(n, layers.BatchNormalization)]
    after = [n.moving_mean.numpy() for n in trained_a_little(aware)]
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert not any(isinstance(n, HeldBatchNormalization) for n in aware.layers)


@pytest.mark.slow
def test_a_network_that_was_trained_on_other_pictures_than_the_batches_is_not_lost(tmp_path):
    """Statistics of the large set, training on a few dark pictures: the answers stay, and so does the file."""
    model, dark = normalized(), 0.1 * noise(32, 8, 8, 3)
    right = answers(model, dark)[0]
    aware = quantization_aware(model, pictures=dark)
    aware.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)  # nothing is learnt, statistics could move
    aware.fit(dark, right, 8, epochs=5, verbose=0)
    assert np.abs(answers(aware, dark)[0] - right).max() < 0.1 * np.ptp(right)
    assert export(aware, tmp_path / "net.tflite", scheme="int8", images=dark).status == "pass"


# Frozen layers


def trainable_shapes(model):
    return sorted(tuple(w.shape) for w in model.trainable_weights)


def test_a_frozen_base_stays_frozen_whatever_its_layers_become():
    """Separable convolutions, dense layers over channels, batch norms that cannot be folded, nested twice."""
    deep = keras.Sequential([keras.Input((6, 6, 4)), layers.BatchNormalization(), layers.ReLU()], name="deep")
    base = seq(
        (8, 8, 3),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.SeparableConv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.ReLU(),
        deep,
        layers.Dense(5),
        layers.AveragePooling2D(3, 1, "same"),
    )
    base.trainable = False
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, layers.Dense(3)(layers.GlobalAveragePooling2D()(base(pixels))))
    for fold in (False, True):
        aware = quantization_aware(model, fold=fold)
        assert trainable_shapes(aware) == [(3,), (5, 3)]
        before = {w.path: w.numpy() for w in aware.non_trainable_weights}
        trained_a_little(aware)
        moved = [w.path for w in aware.non_trainable_weights if not np.array_equal(before[w.path], w.numpy())]
        assert all("_quant" in path or "unrounded" in path or "dense" in path for path in moved)  # ranges alone


@pytest.mark.parametrize("fold", [False, True])
def test_a_batch_norm_left_to_learn_behind_a_frozen_convolution_learns(fold):
    model = seq((8, 8, 3), layers.Conv2D(6, 3, trainable=False), layers.BatchNormalization(), layers.ReLU())
    aware = quantization_aware(model, fold=fold)
    learnt = sum(int(np.prod(shape)) for shape in trainable_shapes(aware))
    assert learnt == 12  # a gain and an offset for each of six channels
    same(model, aware, noise(4, 8, 8, 3))


def test_scaling_and_normalizing_of_the_input_are_not_trained():
    normalization = layers.Normalization()
    normalization.adapt(4 + noise(64, 8, 8, 3))
    model = seq((8, 8, 3), layers.Rescaling(0.5, offset=1.0), layers.ReLU(), layers.Conv2D(4, 3, padding="same"))
    other = keras.Sequential([keras.Input((8, 8, 3)), normalization, layers.ReLU(), layers.Conv2D(4, 3)])
    for item in (model, other):
        assert trainable_shapes(quantization_aware(item)) == [(3, 3, 3, 4), (4,)]
        same(item, quantization_aware(item), noise(4, 8, 8, 3))


# Ranges


def plain():
    return seq((8, 8, 3), layers.Conv2D(6, 3), layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(3))


def test_ranges_are_those_of_all_pictures_in_any_order():
    model, x = plain(), noise(100, 8, 8, 3) * np.repeat([0.1, 1, 10], [50, 48, 2])[:, None, None, None]
    shuffled = x[np.random.default_rng(0).permutation(100)]
    first, other = (ranges(quantization_aware(model, pictures=p)) for p in (x, shuffled))
    assert first == pytest.approx(other)
    assert first[:2] == pytest.approx([x.min(), x.max()])
    assert ranges(quantization_aware(model, pictures=x[:50]))[1] < 1  # the last two filled it


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return self.x[8 * i : 8 * i + 8], np.zeros(len(self.x[8 * i : 8 * i + 8]))


GIVEN = {
    "a dataset with labels": lambda x: tf.data.Dataset.from_tensor_slices((x, np.arange(40))).batch(16),
    "a dataset with weights": lambda x: tf.data.Dataset.from_tensor_slices((x, np.arange(40), np.ones(40))).batch(16),
    "a dataset of single pictures": lambda x: tf.data.Dataset.from_tensor_slices(x),
    "a generator of batches": lambda x: (x[i : i + 7] for i in range(0, 40, 7)),
    "a generator with labels": lambda x: ((x[i : i + 8], np.zeros(8)) for i in range(0, 40, 8)),
    "a PyDataset": Batches,
    "a list of pictures": list,
    "a tensor": tf.constant,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("inputs", GIVEN.values(), ids=GIVEN.keys())
def test_pictures_come_as_fit_takes_them(inputs):
    model, x = plain(), noise(40, 8, 8, 3)
    result = ranges(quantization_aware(model, pictures=inputs(x)))
    assert result == pytest.approx(ranges(quantization_aware(model, pictures=x)), rel=1e-5)


@pytest.mark.slow
def test_pictures_come_from_a_folder(tmp_path):
    for name, value in (("dark", 10), ("light", 250)):
        (tmp_path / name).mkdir()
        for i in range(6):
            Image.new("RGB", (8, 8), (value, value - i, value)).save(tmp_path / name / f"{i}.png")
    for inputs in (f"folder:{tmp_path}", tmp_path):
        assert ranges(quantization_aware(plain(), pictures=inputs))[:2] == [0, 250]


def test_two_inputs_in_every_form():
    photo, meta = keras.Input((8, 8, 3), name="photo"), keras.Input((4,), name="meta")
    both = layers.Concatenate()([layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(photo)), layers.Dense(8)(meta)])
    model = randomize(keras.Model([photo, meta], layers.Dense(3)(both)))
    x = {"photo": noise(20, 8, 8, 3), "meta": noise(20, 4, seed=1)}
    aware = quantization_aware(model, pictures=x)
    wanted = ranges(aware)
    calibrate(aware, [x["photo"], x["meta"]])
    assert ranges(aware) == pytest.approx(wanted)
    calibrate(aware, ({name: array[i : i + 5] for name, array in x.items()} for i in range(0, 20, 5)))
    assert ranges(aware) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.slow
def test_measuring_ranges_changes_nothing_else_and_a_failure_leaves_them():
    aware, x = quantization_aware(normalized()), noise(40, 8, 8, 3)
    before = [w.numpy() for w in aware.weights if "_quant" not in w.path and "dense" not in w.path]
    calibrate(aware, x)
    after = [w.numpy() for w in aware.weights if "_quant" not in w.path and "dense" not in w.path]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    answered = answers(aware, x)[0]
    for wrong, message in (
        (tf.data.Dataset.from_tensor_slices(x).batch(8).repeat(), r"take\(100\)"),
        (iter([]), "there are no pictures to set the ranges"),
        ((noise(4, 9, 9, 3) for _ in range(2)), "do not fit"),
        (itertools.chain([x], [np.full((4, 8, 8, 3), np.nan)]), "NaN"),
        ("no_such_set_of_pictures", "no_such_set_of_pictures"),
    ):
        with pytest.raises(UserError, match=message):
            calibrate(aware, wrong)
        np.testing.assert_array_equal(answers(aware, x)[0], answered)


# Names and structures


def test_outputs_keep_their_names_whatever_ends_them():
    pixels = keras.Input((8, 8, 3), name="pixels")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(pixels))
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Softmax(name="deep")], name="nested")
    first, second = ops.split(layers.Dense(6, name="both")(x), 2, axis=-1)
    ends = [
        layers.Dense(3, activation="softmax", name="kind")(x),
        layers.Reshape((2, 2), name="box")(layers.Dense(4)(x)),
        inner(x),
        layers.ReLU(name="size")(layers.Dense(1)(x)),
        layers.Add(name="sum")([first, second]),
    ]
    model = randomize(keras.Model(pixels, ends))
    aware = quantization_aware(model)
    assert aware.output_names == model.output_names == ["kind", "box", "nested", "size", "sum"]
    assert [t.name for t in aware.inputs] == ["pixels"]
    same(model, aware, noise(4, 8, 8, 3))


@pytest.mark.slow
def test_losses_and_metrics_by_name_are_those_of_the_source(tmp_path):
    pixels = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(pixels))
    model = keras.Model(pixels, [layers.Dense(3, name="kind")(x), layers.Dense(4, name="box")(x)])
    aware = quantization_aware(randomize(model))
    kind = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = {"kind": 1.0, "box": 0.5}
    aware.compile("adam", {"kind": kind, "box": "mse"}, loss_weights=weights, metrics={"kind": "accuracy"})
    data = noise(32, 8, 8, 3), {"kind": np.arange(32) % 3, "box": noise(32, 4)}
    history = aware.fit(*data, verbose=0).history
    assert {"kind_loss", "box_loss", "kind_accuracy"} <= set(history)
    aware.save(tmp_path / "aware.keras")
    assert keras.models.load_model(tmp_path / "aware.keras").output_names == ["kind", "box"]
    path = tmp_path / "net.tflite"
    export(aware, path, scheme="int8", images=data[0])
    assert set(predict(path, data[0])) == {"kind", "box"}


def test_dicts_stay_dicts_and_one_result_may_have_two_names():
    pixels = keras.Input((8, 8, 3), name="pixels")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(pixels))
    score = layers.Dense(3, name="score")(x)
    again = layers.Identity(name="again")(score)
    aware = quantization_aware(randomize(keras.Model({"pixels": pixels}, {"a": score, "b": x})))
    assert set(aware({"pixels": noise(2, 8, 8, 3)})) == {"a", "b"}
    model = randomize(keras.Model(pixels, [score, again, score]))
    aware = quantization_aware(model)
    assert aware.output_names == ["score", "again", "score"]
    same(model, aware, noise(2, 8, 8, 3))


def test_outputs_that_were_not_wanted_are_not_compared():
    pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(pixels)
    heads = [layers.Dense(3, name=name)(layers.GlobalAveragePooling2D()(x)) for name in ("aux_early", "main", "other")]
    model = randomize(keras.Model(pixels, heads))
    assert quantization_aware(model).output_names == ["main", "other"]
    assert quantization_aware(model, outputs="other").output_names == ["other"]


# What models hold


def test_integers_inside_and_at_the_ends_are_not_rounded(tmp_path):
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    scores = layers.Conv2D(4, 1)(layers.Rescaling(1 / 255)(pixels))
    model = randomize(keras.Model(pixels, [ops.argmax(scores, -1), scores]))
    x = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype("uint8")
    aware = quantization_aware(model, pictures=x)
    right, result = answers(model, x), answers(aware, x)
    assert np.mean(right[0] == result[0]) > 0.95 and np.abs(right[1] - result[1]).max() < 0.1 * np.ptp(right[1])


def test_words_stay_whole_numbers_and_their_mask_goes_on():
    words = keras.Input((12,), dtype="int32")
    x = layers.Embedding(50, 8, mask_zero=True)(words)
    model = randomize(keras.Model(words, layers.Dense(3)(layers.LSTM(6)(x))))
    x = np.random.default_rng(0).integers(0, 50, (16, 12)).astype("int32")
    x[:, 7:] = 0
    same(model, quantization_aware(model, pictures=x), x)


ISLANDS = {
    "multi-head attention": lambda x: layers.MultiHeadAttention(2, 4)(x, x),
    "attention with another value": lambda x: layers.MultiHeadAttention(2, 4, value_dim=3)(x, layers.Dense(8)(x)),
    "attention behind layers that int8 fuses": lambda x: layers.MultiHeadAttention(1, 3, use_bias=False)(
        layers.Dense(8, activation="relu")(x), layers.Dense(8, activation="relu")(x)
    ),
    "attention of its own query": lambda x: layers.Attention(use_scale=True)([x, x]),
    "grouped attention": lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x),
    "a GRU": lambda x: layers.GRU(5, return_sequences=True, unroll=True)(x),
    "group normalization": lambda x: layers.GroupNormalization(2)(x),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", ISLANDS.values(), ids=ISLANDS.keys())
def test_layers_without_an_int8_form_compute_in_floats(make, tmp_path):
    inputs = keras.Input((6, 8))
    model = randomize(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(make(layers.Dense(8)(inputs))))))
    x = noise(64, 6, 8)
    aware = quantization_aware(model, pictures=x)
    same(model, aware, x)
    assert export(aware, tmp_path / "net.tflite", scheme="int8", images=x).status != "fail"


def test_reduced_precision_is_taken_for_what_it_means():
    model = seq((8, 8, 3), layers.Conv2D(8, 3, dtype="mixed_bfloat16"), layers.Flatten(), layers.Dense(3))
    aware = quantization_aware(model, pictures=noise(16, 8, 8, 3))
    assert {layer.compute_dtype for layer in aware.layers} == {"float32"}


# The source


def test_the_source_is_kept_beside_the_model_and_not_in_its_file(tmp_path):
    model, x = plain(), noise(8, 8, 8, 3)
    aware = quantization_aware(model, pictures=x)
    assert source_of(aware) is model and len(aware.weights) < 3 * len(model.weights) + 20
    assert not any(layer is model for layer in aware._flatten_layers())
    aware.save(tmp_path / "with.keras")
    del aware.keras_cnns_source
    aware.save(tmp_path / "without.keras")
    assert (tmp_path / "with.keras").stat().st_size == pytest.approx((tmp_path / "without.keras").stat().st_size, 0.02)
    assert source_of(keras.models.load_model(tmp_path / "with.keras")) is None


@keras.saving.register_keras_serializable("test_unharmed")
class Forgetful(layers.Layer):
    """Its configuration does not say how much it adds."""

    def __init__(self, much=0.0, **kwargs):
        super().__init__(**kwargs)
        self.much = much

    def call(self, x):
        return x + self.much

    def get_config(self):
        return {"name": self.name}


@pytest.mark.parametrize("options", [{}, {"pictures": noise(16, 8, 8, 3)}], ids=["noise", "pictures"])
def test_a_layer_whose_configuration_forgets_is_carried_over_as_it_is(options):
    """Made again from its configuration it would compute something else."""
    model = seq((8, 8, 3), layers.Conv2D(4, 3), Forgetful(2.0, name="odd"), layers.Conv2D(2, 3, name="end"))
    x = [noise(4, 8, 8, 3, seed=5)]
    (actual,), (wanted,) = source.answers_unrounded(quantization_aware(model, **options), x), source.answers(model, x)
    np.testing.assert_allclose(actual, wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_form_that_answers_otherwise_than_its_source_is_refused():
    model, x = plain(), [noise(4, 8, 8, 3)]
    with pytest.raises(UserError, match="answers differently") as error:
        source.compare(model, [0], lambda inputs: [source.answers(model, inputs)[0] + 1], x)
    assert "\n" not in str(error.value)
    source.compare(model, [0], lambda inputs: source.answers(model, inputs), x)


@pytest.mark.parametrize("momentum", ["0.9", -0.1, 1.0, [0.9], True])
def test_a_momentum_that_is_none_is_a_one_line_mistake(momentum):
    with pytest.raises(UserError, match="momentum"):
        quantization_aware(plain(), momentum=momentum)


def test_the_path_of_a_file_is_as_good_as_a_model(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    model.save(tmp_path / "net.keras")
    same(model, quantization_aware(tmp_path / "net.keras"), noise(4, 8, 8, 3))


@pytest.mark.parametrize("name", ["hold_statistics", "fold"])
def test_a_word_for_yes_or_no_is_a_one_line_mistake(name):
    with pytest.raises(UserError, match=f"{name} is 'no'"):
        quantization_aware(keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)]), **{name: "no"})


def test_names_of_data_sets_are_accepted_as_pictures():
    """The helper of these tests gives pictures from 0 to 1, as photographs are after scaling."""
    low, high, *_ = ranges(quantization_aware(plain(), pictures=pictures(8, (8, 8, 3))))
    assert low == 0 and 0.5 < high <= 1


def test_fractions_for_an_input_of_bytes_are_a_one_line_mistake():
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    model = keras.Model(pixels, layers.Conv2D(2, 3)(layers.Rescaling(1 / 255)(pixels)))
    with pytest.raises(UserError, match="of type uint8"):
        quantization_aware(model, pictures=np.random.default_rng(0).uniform(size=(8, 8, 8, 3)))
