"""The command: tables for people, JSON for machines, one line and a non-zero exit for a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnns import build, list_models
from keras_cnns.cli import commands
from keras_cnns.saving.card import Card, write_card
from keras_cnns.support import messages
from keras_cnns.testing import randomize

NAMES = ("circle", "square", "star")


def run(capsys, *words):
    """Exit status, standard output and standard error of `keras-cnns WORDS`."""
    with pytest.raises(SystemExit) as exit:
        commands.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return exit.value.code, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small classifier that takes pixels, with labels inside, and pictures of several kinds."""
    folder = tmp_path_factory.mktemp("cli")
    model = randomize(build("lenet5", classes=3, include_preprocessing=True))
    model.save(folder / "shapes.keras")
    write_card(folder / "shapes.keras", Card("shapes", NAMES))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 4), "uint8")
    Image.fromarray(pixels[..., :3]).save(folder / "colour.jpg")
    Image.fromarray(pixels).save(folder / "alpha.png")
    Image.fromarray(pixels[..., 0]).save(folder / "grey.png")
    (folder / "text.png").write_text("this is no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "half.jpg").write_bytes((folder / "colour.jpg").read_bytes()[:500])
    (folder / "damaged.keras").write_bytes((folder / "shapes.keras").read_bytes()[:3000])
    (folder / "damaged.tflite").write_bytes(b"TFL3 but no more than that" * 20)
    return folder


def test_list_shows_every_name(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    assert all(name in out for name in list_models())


def test_list_json_is_for_machines(capsys):
    status, out, _ = run(capsys, "list", "mobilenet_v[12]", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert status == 0 and set(rows) == {"mobilenet_v1", "mobilenet_v2"}
    assert rows["mobilenet_v2"]["params"] == 3_538_984


def test_show_gives_stages_with_shapes_parameters_and_multiply_adds(capsys):
    status, out, _ = run(capsys, "show", "resnet18")
    assert status == 0
    row = next(line for line in out.splitlines() if line.split()[:1] == ["conv2"])
    # four 3x3 convolutions of 64 channels at 56x56, each with 4 x 64 numbers of batch normalization
    assert f"{4 * (9 * 64 * 64 + 4 * 64):,}" in row and f"{4 * 9 * 64 * 64 * 56 * 56:,}" in row and "56x56x64" in row


def test_show_layers_counts_the_same(capsys):
    _, out, _ = run(capsys, "show", "lenet5", "--json")
    shown = json.loads(out)
    assert sum(layer["params"] for layer in shown["layers"]) == shown["params"] == 61_706
    assert sum(stage["macs"] for stage in shown["stages"]) == shown["macs"] == 416_520


def test_the_same_answers_from_keras_and_tflite(capsys, folder):
    status, _, _ = run(capsys, "export", folder / "shapes.keras", "--scheme", "float16")
    assert status == 0
    pictures = [folder / "colour.jpg", folder / "grey.png", folder / "alpha.png"]
    answers = []
    for model in ("shapes.keras", "shapes_float16.tflite"):
        status, out, _ = run(capsys, "predict", *pictures, "--model", folder / model, "--json")
        assert status == 0
        answers.append(json.loads(out))
    for keras_answer, tflite_answer in zip(*answers, strict=True):
        first, second = dict(keras_answer["classes"]), dict(tflite_answer["classes"])
        assert set(first) == set(NAMES)
        assert list(first) == list(second)
        assert list(first.values()) == pytest.approx(list(second.values()), abs=2e-3)
        assert sum(first.values()) == pytest.approx(1)


def test_predict_prints_the_best_first(capsys, folder):
    status, out, _ = run(capsys, "predict", folder / "grey.png", "--model", folder / "shapes.keras", "--top", "2")
    scores = [float(line.split()[-1]) for line in out.splitlines() if line.split()[-1:] and "0." in line.split()[-1]]
    assert status == 0 and len(scores) == 2 and scores[0] >= scores[1]


def test_benchmark_times_files_against_the_first(capsys, folder):
    run(capsys, "export", folder / "shapes.keras", "--out", folder / "timed.tflite")
    status, out, _ = run(capsys, "benchmark", folder / "timed.tflite", "--threads", "1", "--runs", "3", "--json")
    (row,) = json.loads(out)
    assert status == 0 and row["ratio"] == 1 and row["median_ms"] > 0 and row["runs"] == 3


@pytest.mark.parametrize(
    "words, hint",
    [
        ("list nothing*", "no model matches"),
        ("show resnet5O", "resnet50"),
        ("show nothing.keras", "no file"),
        ("show damaged.keras", "damaged.keras"),
        ("show damaged.tflite", "damaged.tflite"),
        ("train no_such_recipe", "no recipe"),
        ("export nothing.keras", "no file"),
        ("export damaged.keras", "damaged.keras"),
        ("export shapes.keras --scheme int9", "int8"),
        ("export shapes.keras --scheme int8", "calibration"),
        ("export shapes.keras --out shapes.txt", ".tflite"),
        ("export shapes.keras --dataset no_such_data", "no_such_data"),
        ("predict colour.jpg --model shapes.txt", "none of"),
        ("predict colour.jpg --model nothing.tflite", "no file"),
        ("predict colour.jpg --model damaged.tflite", "damaged.tflite"),
        ("predict colour.jpg --model damaged.keras", "damaged.keras"),
        ("predict nothing.png --model shapes.keras", "nothing.png"),
        ("predict text.png --model shapes.keras", "not a picture"),
        ("predict empty.png --model shapes.keras", "an empty file"),
        ("predict half.jpg --model shapes.keras", "half.jpg"),
        ("benchmark damaged.tflite", "damaged.tflite"),
    ],
)
def test_a_mistake_gets_one_line_and_a_non_zero_exit(capsys, folder, monkeypatch, words, hint):
    monkeypatch.chdir(folder)
    status, _, err = run(capsys, *words.split())
    assert status == 2
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and hint in errors[0]
    assert "Traceback" not in err


def test_a_wrong_flag_exits_with_2(capsys):
    status, _, _ = run(capsys, "list", "--jsn")
    assert status == 2


@pytest.mark.slow
def test_the_installed_command_is_quiet():
    """In a process of its own: native code writes past Python's standard error."""
    command = [sys.executable, "-c", "from keras_cnns.cli.commands import main; main()", "show", "lenet5"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and "C5" in done.stdout
    assert done.stderr == ""


def test_a_message_is_one_line_and_a_warning_is_marked_as_one(capsys):
    with messages.in_lines():
        messages.LOG.info("drawing %d scenes", 3)
        messages.once("the labels are uneven")
    messages.LOG.info("not printed outside a command")
    assert capsys.readouterr().err == "drawing 3 scenes\nwarning: the labels are uneven\n"
