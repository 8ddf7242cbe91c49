"""Columns of a network's row on the command line: both spellings, over what the recipe sets."""

import pytest

from keras_cnns.support.errors import BadArgument
from keras_cnns.training import Recipe
from keras_cnns.training.script import parse

RECIPE = Recipe(
    model="faster_rcnn", overrides={"scales": (20, 34, 56), "columns": {"fc": (), "dropout": 0.5}, "rpn": 8}
)


def overrides(*words):
    return parse(RECIPE, list(words)).recipe.overrides


@pytest.mark.parametrize("written", ["24 32 48", "24,32,48", "24, 32, 48", "[24,32,48]", "(24,32,48)"])
@pytest.mark.parametrize("flag", ["--overrides scales", "--overrides.scales", "--overrides.scales="])
def test_a_list_is_read_as_people_write_it(flag, written):
    if flag.endswith("="):
        words = [flag + written.replace(", ", ",").replace(" ", ",")]
    else:
        words = [*flag.split(), *written.split()]
    assert overrides("--epochs", "3", *words, "--seed", "1")["scales"] == [24, 32, 48]


def test_the_recipes_other_columns_stay():
    assert overrides("--overrides", "scales", "24", "width", "0.5") == {
        **{"scales": [24], "columns": {"fc": (), "dropout": 0.5}, "rpn": 8, "width": 0.5}
    }


def test_a_dot_leads_into_a_column():
    assert overrides("--overrides.columns.dropout", "0.1")["columns"] == {"fc": (), "dropout": "0.1"}
    assert parse(RECIPE, ["--overrides.columns.fc", "8"]).recipe.overrides["columns"]["fc"] == "(8,)"


def test_the_recipe_is_not_changed():
    overrides("--overrides.columns.dropout", "0.1", "--overrides", "rpn", "4")
    assert RECIPE.overrides["columns"]["dropout"] == 0.5 and RECIPE.overrides["rpn"] == 8


@pytest.mark.parametrize("words", [["--overrides"], ["--overrides", "scales"], ["--overrides.rpn.deep", "1"]])
def test_a_name_without_a_value_is_refused(words):
    with pytest.raises(BadArgument, match="--overrides"):
        overrides(*words)
