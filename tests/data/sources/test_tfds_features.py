"""A prepared data set cannot make this package import a module."""

import json
import sys

import pytest

from keras_cnns.data.sources import tfds_features
from keras_cnns.data.sources.tfds import open_tfds
from keras_cnns.data.sources.tfds_objects import open_tfds as open_located
from keras_cnns.support.errors import UserError
from tests.data.sources.test_tfds import store

IMAGE = "tensorflow_datasets.core.features.image_feature.Image"
MODULE = "a_module_that_leaves_a_mark"


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A data set whose picture is of a class in a module that is importable and leaves a mark; (folder, the mark)."""
    store(tmp_path / "sets", "pets", train=range(10))
    (file,) = (tmp_path / "sets").rglob("features.json")
    file.write_text(file.read_text().replace(IMAGE, f"{MODULE}.Image"))
    mark = tmp_path / "mark"
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / f"{MODULE}.py").write_text(f"open({str(mark)!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path / "path")
    yield tmp_path / "sets", mark
    sys.modules.pop(MODULE, None)


@pytest.mark.parametrize("name", ["pets", "pets/1.0.0", "pets:1.0.0"])
def test_a_module_named_in_a_data_set_is_not_imported(foreign, name):
    folder, mark = foreign
    with pytest.raises(UserError, match=f"features.json names the feature class '{MODULE}.Image'"):
        open_tfds(name, "train", data_dir=folder)
    with pytest.raises(UserError, match="features.json"):
        open_located(name, "train", "boxes", data_dir=folder)
    assert not mark.exists() and MODULE not in sys.modules


@pytest.mark.parametrize(
    "content",
    [
        {"pythonClassName": "Image"},
        {"python_class_name": "elsewhere.Image"},
        {"type": "elsewhere.Image", "content": {}},
        {"pythonClassName": IMAGE, "sequence": {"feature": [{"pythonClassName": "tensorflow_datasetsx.Image"}]}},
        {"pythonClassName": 5},
    ],
)
def test_a_class_is_found_wherever_it_is_named(tmp_path, content):
    (tmp_path / "features.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="feature class"):
        tfds_features.check_file(tmp_path / "features.json")


def test_a_class_of_a_module_that_is_imported_already_is_used(tmp_path):
    """A program that defines its own feature class opens its own data sets."""
    (tmp_path / "features.json").write_text(json.dumps({"pythonClassName": f"{__name__}.Image"}))
    sys.modules.setdefault(__name__, sys.modules[pytest.__name__])
    tfds_features.check_file(tmp_path / "features.json")


@pytest.mark.parametrize("text", ["", "{", "[" * 5000])
def test_a_damaged_list_of_features_is_one_line(tmp_path, text):
    (tmp_path / "features.json").write_text(text)
    with pytest.raises(UserError, match="features.json"):
        tfds_features.check_file(tmp_path / "features.json")
