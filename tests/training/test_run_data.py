"""A run belongs to its classes and pictures: changes are reported, and its files are not touched."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, run_folder, train
from keras_cnns.training.evaluation import evaluate_files
from keras_cnns.training.recipe_files import first_lines

COLOURS = {"apple": (200, 40, 40), "pear": (120, 190, 40), "plum": (80, 30, 150)}


@pytest.fixture
def fruit(tmp_path):
    """A folder of pictures whose classes differ in colour."""
    noise = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (tmp_path / "fruit" / name).mkdir(parents=True)
        for k in range(10):
            pixels = np.clip(noise.normal(colour, 30, (32, 32, 3)), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "fruit" / name / f"{k}.png")
    return tmp_path / "fruit"


def recipe(folder, out, **changes):
    settings = {"optimizer": "adam", "learning_rate": 3e-3, "epochs": 1, "batch_size": 8, "strategy": "one"}
    return Recipe("lenet5", dataset=f"folder:{folder}", input_shape=(32, 32, 3), out=str(out), **settings | changes)


def renamed(folder):
    (folder / "apple").rename(folder / "quince")


def one_more_class(folder):
    shutil.copytree(folder / "apple", folder / "cherry")


def one_more_picture_a_class(folder):
    for name in COLOURS:
        for k in range(10, 15):
            shutil.copy(folder / name / "0.png", folder / name / f"{k}.png")


def relabelled(folder):
    """As many pictures of each class as before, and two of them of another."""
    (folder / "apple" / "0.png").rename(folder / "pear" / "10.png")
    (folder / "pear" / "0.png").rename(folder / "apple" / "10.png")


def other_names(folder):
    for file in sorted((folder / "pear").iterdir()):
        file.rename(file.with_name(f"pear_{file.name}"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (relabelled, "as many pictures to (train|test), but the pictures or their labels"),
        (other_names, "as many pictures to (train|test), but the pictures or their labels"),
        (renamed, "apple only there, quince only here"),
        (one_more_class, "cherry only here"),
        (one_more_picture_a_class, "a run on 24 pictures to train, and there are 36 now"),
    ],
)
@pytest.mark.parametrize("first", ["finished", "stopped"])
def test_another_folder_under_a_run_is_refused(fruit, tmp_path, change, message, first):
    out = tmp_path / "run"
    train(recipe(fruit, out, epochs=2, max_steps=4 if first == "stopped" else 0), quiet=True)
    if first == "stopped":  # as a run that is to go on has it: only the length differs
        (out / "recipe.json").write_text(recipe(fruit, out, epochs=2).json())
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    change(fruit)
    with pytest.raises(UserError, match=message) as error:
        train(recipe(fruit, out, epochs=2), quiet=True)
    assert "\n" not in str(error.value)
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.slow
def test_a_run_of_before_the_data_were_noted_goes_by_its_models_labels(fruit, tmp_path):
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    (tmp_path / "run" / "data.json").unlink()
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    (tmp_path / "run" / "data.json").unlink()
    renamed(fruit)
    with pytest.raises(UserError, match="apple only there, quince only here"):
        train(recipe(fruit, tmp_path / "run"), quiet=True)


@pytest.mark.slow
def test_a_model_is_not_measured_on_other_classes(fruit, tmp_path):
    trained = train(recipe(fruit, tmp_path / "run"), quiet=True)
    measured = evaluate_files([trained.best], recipe(fruit, tmp_path / "measured"))
    assert measured["examples"] == 6
    renamed(fruit)
    with pytest.raises(UserError, match="trained on other classes than .*apple only there, quince only here"):
        evaluate_files([trained.best], recipe(fruit, tmp_path / "measured"))


@pytest.mark.slow
def test_a_second_stage_on_the_same_classes_starts_with_what_the_first_knew(fruit, tmp_path):
    first = train(recipe(fruit, tmp_path / "one", epochs=8), quiet=True)
    how = {"weights": str(tmp_path / "one" / "model.keras"), "learning_rate": 0.0}
    second = train(recipe(fruit, tmp_path / "two", **how), quiet=True)
    assert first.metrics["accuracy"] == second.metrics["accuracy"] == 1


@pytest.mark.slow
def test_a_second_stage_on_other_classes_starts_with_a_new_classifier_and_a_warning(fruit, tmp_path):
    """As many classes, other names: the old scores would be taken for those of classes that they are not of."""
    first = train(recipe(fruit, tmp_path / "one", epochs=2), quiet=True)
    renamed(fruit)  # in the alphabet it comes last now, so that all classes have other numbers
    how = {"weights": str(tmp_path / "one" / "model.keras"), "learning_rate": 0.0}
    with pytest.warns(UserWarning, match="other classes: the classifier gets new initial weights"):
        second = train(recipe(fruit, tmp_path / "two", **how), quiet=True)
    for layer in first.model.layers:
        ours = second.model.get_layer(layer.name)
        same = [np.array_equal(a, b) for a, b in zip(layer.get_weights(), ours.get_weights(), strict=True)]
        assert all(same) if layer.name != "predictions" else not same[0]
    assert read_card(tmp_path / "two" / "model.keras").labels == ("pear", "plum", "quince")


def test_the_folder_says_what_it_was_trained_on(fruit, tmp_path):
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    noted = json.loads((tmp_path / "run" / "data.json").read_text())
    assert set(noted.pop("keys")) == {"train", "test"}
    assert noted == {
        "classes": ["apple", "pear", "plum"],
        "examples": {"train": 24, "test": 6},
        "duplicates": {"copies": 0, "near": 0, "pairs": []},
    }


@pytest.mark.sampled(1)
@pytest.mark.parametrize("litter", [".ipynb_checkpoints/0-checkpoint.png", "pear/notes.txt", "pear/.0.png"])
def test_what_is_no_picture_changes_nothing(fruit, tmp_path, litter):
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    (fruit / litter).parent.mkdir(exist_ok=True)
    shutil.copy(fruit / "pear" / "0.png", fruit / litter)
    train(recipe(fruit, tmp_path / "run"), quiet=True)


@pytest.mark.slow
def test_held_out_pictures_that_are_training_pictures_are_counted_and_warned_of(fruit, tmp_path, caplog):
    for k in range(10, 20):
        shutil.copy(fruit / "pear" / f"{k - 10}.png", fruit / "pear" / f"{k}.png")
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    noted = json.loads((tmp_path / "run" / "data.json").read_text())["duplicates"]
    assert noted["copies"] == len(noted["pairs"]) >= 2
    (message,) = (m for m in caplog.messages if "training pictures too" in m)
    assert f"{noted['copies']} of 8 held-out pictures" in message and "pear" in message
    caplog.clear()
    train(recipe(fruit, tmp_path / "run"), quiet=True)
    assert not any("training pictures too" in m for m in caplog.messages), "once is enough"
    assert json.loads((tmp_path / "run" / "data.json").read_text())["duplicates"] == noted


def test_a_named_pipe_in_a_run_folder_is_refused_without_waiting(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ckpt-1.index").touch()
    for name in ("recipe.json", "data.json"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=r"recipe.json is damaged .*named pipe"):
        run_folder.check(Recipe("lenet5", out=str(tmp_path)))
    with pytest.raises(UserError, match=r"data.json is damaged .*named pipe"):
        run_folder.check_data(tmp_path, ["cat", "dog"])


def test_a_named_pipe_among_the_recipes_is_listed_without_waiting(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    os.mkfifo(tmp_path / "recipes" / "pipe.py")
    monkeypatch.chdir(tmp_path)
    assert first_lines()["pipe"] == "(cannot be read)"
