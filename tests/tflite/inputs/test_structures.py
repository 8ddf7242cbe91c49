"""Whatever `fit` and `predict` take is matched with the inputs by the structure that the model has."""

from itertools import count

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.convert import input_names
from keras_cnns.tflite.inputs.pictures import check_labels, collect
from keras_cnns.tflite.inputs.structures import Inputs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4, 4, 2)).astype("float32")
Y = RNG.normal(size=(12, 3)).astype("float32")
LABELS = np.arange(12) % 3
slices = tf.data.Dataset.from_tensor_slices


def single(dtype="float32"):
    image = keras.Input((4, 4, 2), dtype=dtype)
    return keras.Model(image, layers.Flatten()(image))


def double(structure=list):
    photo, meta = keras.Input((4, 4, 2), name="photo"), keras.Input((3,), name="meta")
    inputs = {"photo": photo, "meta": meta} if structure is dict else structure([photo, meta])
    return keras.Model(inputs, layers.Concatenate()([layers.Flatten()(photo), meta]))


def gathered(data, model, limit=12, **options):
    return collect(data, Inputs(model, input_names(model)), "calibration", limit=limit, **options)


class Batches(keras.utils.PyDataset):
    def __init__(self, form=lambda x, y: (x, y), **options):
        super().__init__(**options)
        self.form = form

    def __len__(self):
        return 3

    def __getitem__(self, i):
        part = slice(4 * i, 4 * i + 4)
        return self.form(X[part], LABELS[part])


PARTS = [slice(0, 5), slice(5, 12)]
ONE = {
    "an array": lambda: X,
    "a tensor": lambda: tf.constant(X),
    "numbers written out": lambda: X.tolist(),
    "pictures": lambda: list(X),
    "a list of batches": lambda: [X[part] for part in PARTS],
    "pictures and labels": lambda: (X, LABELS),
    "pictures and labels in a list": lambda: [X, LABELS],
    "labels one of many and weights": lambda: (X, np.eye(3)[LABELS], np.ones(12)),
    "a picture to become another": lambda: (X, 100 * X),
    "batches of a picture to become another": lambda: slices((X, 100 * X)).batch(5),
    "lists of one": lambda: ([X[i : i + 1]] for i in range(12)),
    "a function of lists of one": lambda: lambda: ([x] for x in X),
    "lists with labels and weights": lambda: ([X[part], LABELS[part], np.ones(7)] for part in PARTS),
    "single pictures with labels": lambda: slices((X, LABELS)),
    "a dict by its only name": lambda: {"whatever": X},
    "dicts with more in them": lambda: slices({"image": X, "label": LABELS}).batch(5),
    "dicts and labels": lambda: slices(({"pixels": X}, LABELS)).batch(5),
    "a PyDataset": lambda: Batches(),
    "a PyDataset of lists": lambda: Batches(lambda x, y: [x, y]),
    "a PyDataset of dicts": lambda: Batches(lambda x, y: {"image": x, "label": y}),
    "a generator without end": lambda: ([X[i % 12]] for i in count()),
    "a data set without end": lambda: slices((X, LABELS)).batch(6).repeat(),
}


@pytest.mark.parametrize("inputs", ONE.values(), ids=ONE.keys())
def test_one_input(inputs):
    np.testing.assert_allclose(gathered(inputs(), single())["image"], X, rtol=1e-6)


TWO = {
    "a list": lambda: [X, Y],
    "a tuple": lambda: (X, Y),
    "a dict in another order": lambda: {"meta": Y, "photo": X},
    "a dict with more in it": lambda: {"meta": Y, "photo": X, "label": LABELS},
    "lists and labels": lambda: ([X, Y], LABELS),
    "lists and labels in a list": lambda: [[X, Y], LABELS],
    "dicts, labels by name, weights": lambda: ({"meta": Y, "photo": X}, {"out": LABELS}, np.ones(12)),
    "a list of batches": lambda: [[X[part], Y[part]] for part in PARTS],
    "a list of dicts": lambda: [{"photo": X[part], "meta": Y[part]} for part in PARTS],
    "a list of batches with labels": lambda: [((X[part], Y[part]), LABELS[part]) for part in PARTS],
    "TFLite's own": lambda: lambda: ([X[i : i + 1], Y[i : i + 1]] for i in range(12)),
    "single entries": lambda: ([X[i], Y[i]] for i in range(12)),
    "single dicts with labels": lambda: (({"photo": X[i], "meta": Y[i]}, 1) for i in range(12)),
    "a data set of tuples": lambda: slices((X, Y)).batch(5),
    "a data set of tuples with labels": lambda: slices(((X, Y), LABELS)).batch(5),
    "a data set of dicts with labels": lambda: slices(({"photo": X, "meta": Y}, LABELS)).batch(5),
    "numbers written out": lambda: [X.tolist(), Y.tolist()],
}


@pytest.mark.parametrize("structure", [list, tuple])
@pytest.mark.parametrize("inputs", TWO.values(), ids=TWO.keys())
def test_two_inputs(inputs, structure):
    result = gathered(inputs(), double(structure))
    np.testing.assert_allclose(result["photo"], X, rtol=1e-6)
    np.testing.assert_allclose(result["meta"], Y, rtol=1e-6)


@pytest.mark.parametrize("inputs", [name for name in TWO if "dict" in name])
def test_two_inputs_in_a_dict(inputs):
    result = gathered(TWO[inputs](), double(dict))
    np.testing.assert_allclose(result["photo"], X, rtol=1e-6)
    np.testing.assert_allclose(result["meta"], Y, rtol=1e-6)


def test_a_nesting_of_the_models_own():
    a, b = keras.Input((4, 4, 2), name="a"), keras.Input((3,), name="b")
    model = keras.Model({"pictures": {"left": a}, "more": [b]}, layers.Concatenate()([layers.Flatten()(a), b]))
    for inputs in ({"pictures": {"left": X}, "more": [Y]}, ({"pictures": {"left": X}, "more": [Y]}, LABELS)):
        result = list(gathered(inputs, model).values())
        assert sorted(array.shape for array in result) == [(12, 3), (12, 4, 4, 2)]


def test_equal_shapes_go_by_their_places_and_names():
    """Two inputs of one shape and two entries: only the model's structure shows which is which."""
    a, b = keras.Input((3,), name="z"), keras.Input((3,), name="a")
    model, ones, twos = keras.Model([a, b], layers.Subtract()([a, b])), Y[:2], 10 * Y[:2]
    forms = [[ones, twos], {"a": twos, "z": ones}, ([ones, twos], LABELS[:2])]
    forms += [[[ones[:1], twos[:1]], [ones[1:], twos[1:]]], [[ones[0], twos[0]], [ones[1], twos[1]]]]
    for inputs in forms:
        result = gathered(inputs, model)
        np.testing.assert_array_equal(result["z"], ones)
        np.testing.assert_array_equal(result["a"], twos)


def test_a_second_input_may_be_the_same_for_all_and_one_may_be_true_or_false():
    result = gathered([X, np.ones((12, 3))], double())
    assert (result["meta"] == 1).all()
    image, mask = keras.Input((4, 4, 2)), keras.Input((4,), dtype="bool", name="mask")
    model = keras.Model([image, mask], [layers.Flatten()(image), layers.Flatten()(mask)])
    assert gathered([X, Y[:, [0, 1, 2, 0]] > 0], model)["mask"].dtype == bool


class Endless(Batches):
    num_batches = None


REFUSED = {
    "no numbers": (lambda: ["a", "b"], single, "a batch is str"),
    "a data set that fails": (
        lambda: slices(X).map(lambda x: tf.debugging.check_numerics(x / 0.0, "divided")),
        single,
        "the data set fails: .*divided",
    ),
    "no array": (lambda: 3.0, single, "neither an array nor an iterable"),
    "another shape": (lambda: X[:, :3], single, r"shape \(12, 3, 4, 2\)"),
    "another shape beside labels": (lambda: [[X[:, :3], LABELS]], single, r"shape \(12, 3, 4, 2\)"),
    "nothing": (lambda: [], single, "is empty"),
    "names that are none": (lambda: {"pixels": X, "label": LABELS}, single, "inputs are named image"),
    "one constant": (lambda: np.ones_like(X), single, "every value is 1"),
    "all constant": (lambda: [np.ones_like(X), np.ones_like(Y)], double, "every value is 1"),
    "one of two": (lambda: X, double, "a batch is ndarray"),
    "three of two": (lambda: (X, Y, LABELS), double, "not an array of pictures"),
    "the other way round": (lambda: [Y, X], double, "input 'photo' takes"),
    "fractions for whole numbers": (lambda: abs(X), lambda: single("uint8"), "cannot hold"),
    "too large for a byte": (lambda: 300 + 0 * X + np.arange(12)[:, None, None, None], lambda: single("uint8"), "hold"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_data_that_fit_no_input_are_one_line(case):
    inputs, model, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as error:
        gathered(inputs(), model())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("endless", [lambda: slices(X).repeat(), lambda: Endless()])
def test_what_never_ends_is_refused_where_all_of_it_is_wanted(endless):
    with pytest.raises(UserError, match="has no end"):
        gathered(endless(), single(), limit=None)


LABELLED = {
    "as floats": (np.float32([0, 1, 2]), "classifier", np.eye(3), [0, 1, 2]),
    "in a column": (np.array([[0.0], [1.0], [2.0]]), "classifier", np.eye(3), [0, 1, 2]),
    "one of many": (np.eye(3)[::-1], "classifier", np.eye(3), [2, 1, 0]),
    "yes or no": (np.array([True, False]), "multilabel", np.zeros((2, 1)), [[1], [0]]),
    "yes or no, in numbers": (np.array([1, 0]), "multilabel", np.zeros((2, 1)), [[1], [0]]),
    "a map": (np.zeros((2, 4, 4, 1), int), "segmentation", np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4))),
}


@pytest.mark.parametrize("case", LABELLED)
def test_labels_as_a_data_set_gives_them(case):
    labels, kind, answers, wanted = LABELLED[case]
    np.testing.assert_array_equal(check_labels(labels, answers, kind), wanted)


def test_halves_are_no_classes():
    with pytest.raises(UserError, match="integer class number"):
        check_labels([0.5, 1.0], np.eye(2), "classifier")


def halfway(error):
    yield X[:4]
    raise error


@pytest.mark.parametrize("error", [OSError("the disk\nis gone"), KeyError("x"), ZeroDivisionError()])
def test_a_generator_that_fails_halfway_is_a_line_with_its_cause(error):
    with pytest.raises(UserError, match=type(error).__name__) as result:
        gathered(halfway(error), single())
    assert result.value.__cause__ is error and "\n" not in str(result.value)


@pytest.mark.parametrize("nothing", [X[:0], (X[:0], LABELS[:0]), {"image": X[:0]}], ids=["x", "x, y", "dict"])
def test_batches_that_never_hold_anything_come_to_an_end(nothing):
    with pytest.raises(UserError, match="are empty"):
        gathered((nothing for _ in count()), single())


@pytest.mark.parametrize("labels", [LABELS > 0, (LABELS > 0).astype(float), LABELS.astype("uint8") % 2])
def test_labels_of_a_comparison_or_in_floats_are_classes(labels):
    result = check_labels(labels, RNG.normal(size=(12, 2)), "logits")
    assert result.dtype.kind in "iu" and np.array_equal(result, labels)


@pytest.mark.parametrize("kind", ["logits", "multilabel"])
@pytest.mark.parametrize(
    "labels",
    [
        [[1], [1, 2]],
        ["a"] * 12,
        [None] * 12,
        LABELS * np.nan,
        LABELS + 1j,
        {"a": 1},
        [[None] * 3] * 12,
        LABELS - np.inf,
    ],
    ids=range(8),
)
def test_labels_that_are_not_numbers_are_one_line(labels, kind):
    with pytest.raises(UserError, match="labels"):
        check_labels(labels, RNG.uniform(size=(12, 3)), kind)


def test_several_labels_at_once_are_zeros_and_ones():
    with pytest.raises(UserError, match="0 or 1"):
        check_labels(np.full((12, 3), 2), RNG.uniform(size=(12, 3)), "multilabel")
