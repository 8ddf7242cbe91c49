"""A run's folder that somebody else wrote leads a report to nothing outside of it, unless the caller says so."""

import json
import os

import pytest
from PIL import Image

from keras_cnns.data.sources.by_name import open_source
from keras_cnns.insight.report.own_data import own_data
from keras_cnns.insight.report.subject import subject
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe


def run_folder(folder, **recipe):
    folder.mkdir(parents=True, exist_ok=True)
    text = Recipe(model="lenet5", out=str(folder)).json()
    (folder / "recipe.json").write_text(json.dumps(json.loads(text) | recipe))
    return folder


@pytest.mark.parametrize("name", ["digits", "voc/2007", "coco/2017", "mnist:3.0.1", "imagenet_resized/64x64"])
def test_a_data_set_known_by_name_is_read(tmp_path, name):
    assert own_data({"dataset": name}, tmp_path) == (name, None)


def test_folders_inside_the_run_are_read(tmp_path):
    recipe = {"dataset": f"folder:{tmp_path}/run/pictures", "data_dir": str(tmp_path / "run")}
    assert own_data(recipe, tmp_path / "run") == (recipe["dataset"], recipe["data_dir"])


def test_pictures_that_the_run_was_trained_on_are_read(tmp_path):
    """Their owner's runs name them; a run that somebody else wrote cannot, without their names and classes."""
    for name in ("apple", "pear"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "photos" / name / f"{number}.png")
    dataset, run = f"folder:{tmp_path}/photos", run_folder(tmp_path / "run")
    key = open_source(dataset, "test").key
    (run / "data.json").write_text(json.dumps({"keys": {"test": key}}))
    assert own_data({"dataset": dataset}, run) == (dataset, None)
    for other in (key[:-1], "", None, ["x"]):
        (run / "data.json").write_text(json.dumps({"keys": {"test": other}}))
        with pytest.raises(UserError, match="--dataset folder:"):
            own_data({"dataset": dataset}, run)


@pytest.mark.parametrize(
    ("recipe", "flag"),
    [
        ({"dataset": "folder:/home/somebody/pictures"}, "--dataset folder:/home/somebody/pictures"),
        ({"dataset": "folder:{run}/../other"}, "--dataset folder:"),
        ({"dataset": "folder:{run}/link"}, "--dataset folder:"),
        ({"dataset": "folder:."}, "--dataset folder:."),
        ({"dataset": "digits", "data_dir": "/srv/data"}, "--data-dir /srv/data"),
        ({"dataset": "digits", "data_dir": "~"}, "--data-dir ~"),
        ({"dataset": "huggingface:mnist"}, "--dataset"),
        ({"dataset": "../../somewhere"}, "--dataset"),
        ({"dataset": "/etc"}, "--dataset"),
        ({"dataset": 5}, "--dataset"),
        ({"dataset": "digits", "data_dir": ["/"]}, "--dataset"),
    ],
)
def test_what_leads_out_is_refused_with_the_flag_that_allows_it(tmp_path, recipe, flag):
    run = tmp_path / "run"
    run.mkdir()
    (run / "link").symlink_to("/")
    recipe = {
        key: value.replace("{run}", str(run)) if isinstance(value, str) else value for key, value in recipe.items()
    }
    with pytest.raises(UserError) as error:
        own_data(recipe, run)
    assert flag in str(error.value) and "\n" not in str(error.value)


def test_a_report_uses_what_the_caller_names(tmp_path):
    run = run_folder(tmp_path / "run", dataset=f"folder:{tmp_path}/elsewhere", data_dir=str(tmp_path))
    about = subject(run)
    assert about.dataset is None and f"--dataset folder:{tmp_path}/elsewhere" in about.data_note
    about = subject(run, dataset="digits", data_dir="here")
    assert (about.dataset, about.data_dir) == ("digits", "here")


def test_a_pipe_among_the_files_of_a_run_does_not_make_a_report_wait(tmp_path):
    run = run_folder(tmp_path / "run")
    os.mkfifo(run / "report.json")
    assert subject(run).exports == []
    os.unlink(run / "recipe.json")
    os.mkfifo(run / "recipe.json")
    with pytest.raises(UserError, match="recipe.json is a named pipe"):
        subject(run)
