"""A recipe is a value: it survives JSON, names what differs, and refuses what no run could use."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnns.support.errors import UserError
from keras_cnns.training import Augment, Recipe

FULL = Recipe(
    model="mobilenet_v2",
    overrides={"width": 0.35},
    input_shape=(48, 32, 3),
    augment=Augment(pad=4, area=(0.2, 0.9)),
    layer_rates={"stem": 0.1},
    schedule="step",
    decay_epochs=(3, 5.5),
    ema=0.99,
)


def test_survives_json():
    again = Recipe.from_json(FULL.json())
    assert again == FULL
    assert isinstance(again.augment, Augment) and again.input_shape == (48, 32, 3)


def test_a_column_given_as_a_tuple_survives_json_too():
    recipe = FULL.but(overrides={"widths": (16, 32, 64)})
    assert Recipe.from_json(recipe.json()) == recipe


def test_words_of_a_command_line_become_values():
    assert FULL.but(overrides={"width": "0.5", "activation": "relu"}).overrides == {"width": 0.5, "activation": "relu"}


def test_names_what_differs_but_not_where_it_runs():
    other = FULL.but(epochs=3, augment=Augment(pad=2, area=(0.2, 0.9)), out="elsewhere", strategy="one", replicas=2)
    assert FULL.differs(other) == {"augment.pad": (4, 2), "epochs": (10, 3)}
    assert not FULL.differs(FULL.but(data_dir="/data", checkpoint_every=7, steps_per_call=3))


def test_the_learning_rate_grows_with_the_batch():
    recipe = FULL.but(learning_rate=0.1, rate_batch=256, batch_size=1024)
    assert recipe.peak_rate == pytest.approx(0.4)
    assert recipe.but(rate_batch=0).peak_rate == 0.1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"optimizer": "sgdd"}, "optimizer 'sgdd'.*sgd"),
        ({"schedule": "linear"}, "schedule"),
        ({"epochs": 0}, "epochs"),
        ({"ema": 1.0}, "ema"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch_size": 10, "accumulate": 4}, "accumulate"),
        ({"schedule": "plateau", "decay_epochs": ()}, "decay_epochs"),
        ({"input_shape": (32, 32)}, "input_shape"),
        ({"input_shape": (32, 0, 3)}, "input_shape"),
        ({"augment": {"pads": 3}}, "pads"),
        ({"decay_rate": -1.0}, "decay_rate is -1.0: it must be more than 0"),
        ({"decay_epochs": (3, -1)}, "decay_epochs"),
        ({"layer_rates": {"stem": -0.1}}, "layer_rates"),
        ({"replicas": -1}, "replicas is -1: it must be at least 0"),
        ({"skip_broken": -1}, "skip_broken"),
        ({"auxiliary_weight": -0.3}, "auxiliary_weight"),
        ({"out": ""}, "out is empty"),
        ({"dataset": ""}, "dataset is empty"),
    ],
)
def test_refuses_values_that_no_run_could_use(change, named):
    with pytest.raises(UserError, match=named):
        FULL.but(**change)


@given(st.text() | st.sampled_from(["{}", "[]", "null", "3", '{"model": "lenet5", "epoks": 3}', '{"epochs": 2}']))
@settings(max_examples=40, deadline=None)
def test_a_file_that_is_no_recipe_is_refused(text):
    with pytest.raises(UserError, match="not a recipe"):
        Recipe.from_json(text)
