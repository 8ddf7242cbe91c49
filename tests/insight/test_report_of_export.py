"""The report of an exported file: verdict, layer errors, operators, memory, and class maps beside its model's."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.insight.report.export_parts import class_maps, contents, exports
from keras_cnns.insight.report.html import Section
from keras_cnns.insight.report.subject import subject
from keras_cnns.tflite import export
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.verify.memory_map import live_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """net.keras, its int8 file with a class map and report, and the pictures it was compared on."""
    root = tmp_path_factory.mktemp("export")
    random = np.random.default_rng(0)
    for name, shade in (("dark", 40), ("light", 200)):
        (root / "photos" / name).mkdir(parents=True)
        for i in range(12):
            pixels = random.integers(0, 255, (16, 16, 3))
            pixels[:8] = shade
            Image.fromarray(pixels.astype("uint8")).save(root / "photos" / name / f"{i}.png")
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    scores = keras.layers.Dense(2, "softmax")(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(image, scores).save(root / "net.keras")
    words = ["export", f"{root}/net.keras", "--scheme", "int8", "--dataset", f"folder:{root}/photos", "--force"]
    with pytest.raises(SystemExit):
        commands.main([*words, "--preprocess", "none", "--explain", "cam", "--out", f"{root}/net.tflite", "--quiet"])
    return root


def filled(fill, about):
    section = Section(fill.__name__, "")
    fill(about, section)
    return section


@pytest.fixture(scope="module")
def about(folder):
    return subject(folder / "net.tflite", dataset=f"folder:{folder}/photos")


def test_the_layer_errors_of_a_passing_file_are_drawn(about):
    section = filled(exports, about)
    assert section.tables[0].rows[0][0] == "int8" and not section.missing
    assert "Signal-to-noise ratio of" in section.images[0].alt and "net.tflite" in section.images[0].caption


def test_the_operators_and_the_memory_are_shown(about):
    section = filled(contents, about)
    assert ("CONV_2D", "2") in [row[:2] for row in section.tables[0].rows] or section.tables[0].rows
    assert "Intermediate results take" in section.lines[0] and "most" in section.images[0].alt


def test_the_class_maps_of_file_and_model_are_compared(about):
    section = filled(class_maps, about)
    before, value = section.lines[0].removesuffix(" on average.").rsplit(" ", 1)
    assert before == "The class maps of the file and of the model correlate by" and float(value) >= 0.95
    assert section.images[0].caption.count("0.") + section.images[0].caption.count("1.") == len(about.held_out[0][:6])
    assert not section.missing


def test_a_model_outside_of_the_folder_is_not_opened(folder, tmp_path):
    """The report beside the file names it, and may come from somebody else."""
    (tmp_path / "net.tflite").write_bytes((folder / "net.tflite").read_bytes())
    report = json.loads((folder / "net.report.json").read_text())
    (tmp_path / "net.report.json").write_text(json.dumps(report | {"source": str(folder / "net.keras")}))
    assert subject(tmp_path / "net.tflite").original is None
    (tmp_path / "net.keras").symlink_to(folder / "net.keras")
    assert subject(tmp_path / "net.tflite").original is None
    (tmp_path / "net.keras").unlink()
    (tmp_path / "net.keras").write_bytes((folder / "net.keras").read_bytes())
    assert subject(tmp_path / "net.tflite").original is not None


def test_class_maps_that_differ_are_warned_of(about, monkeypatch):
    from keras_cnns.insight.maps.tflite_file import File

    maps = File.maps
    monkeypatch.setattr(File, "maps", lambda *args: (maps(*args)[0][:, ::-1], maps(*args)[1]))
    assert any(line.startswith("Warning: below 0.95") for line in filled(class_maps, about).missing)


def test_only_the_report_of_the_file_itself_is_shown(folder, about):
    other = folder / "other.report.json"
    other.write_text('{"path": "other.tflite", "scheme": "float32", "status": "pass", "size_bytes": 9}')
    try:
        assert [row["scheme"] for row in subject(folder / "net.tflite").exports] == ["int8"]
        assert len(subject(folder / "net.keras").exports) == 2
    finally:
        other.unlink()


def test_memory_is_what_a_later_operator_still_reads(tmp_path):
    """A chain of two layers: input and first result, then both results."""
    image = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu")(image)
    export(keras.Model(image, keras.layers.MaxPooling2D(2)(x)), tmp_path / "net.tflite")
    assert live_bytes(read_contents(tmp_path / "net.tflite")) == [
        ("CONV_2D", 4 * (16 + 32)),
        ("MAX_POOL_2D", 4 * (32 + 8)),
    ]
