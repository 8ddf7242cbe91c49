"""The report: one file that needs nothing else, says what is missing, and reads in a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError, build, tflite
from keras_cnns.cli import commands
from keras_cnns.data import load_arrays
from keras_cnns.data.duplicates import near_duplicates
from keras_cnns.insight.report import report
from keras_cnns.insight.report.calibration import calibration
from keras_cnns.insight.report.subject import subject
from keras_cnns.saving.card import Card, write_card
from keras_cnns.tasks.detection.task import Detection
from keras_cnns.tasks.segmentation import pixels
from keras_cnns.testing import randomize
from keras_cnns.training import Recipe, run_folder, train

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
FLAGS += "--disable-component-update --disable-sync --hide-scrollbars"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run on the digits, with its float32 and int8 files."""
    folder = tmp_path_factory.mktemp("report") / "run"
    train(Recipe(model="lenet5", input_shape=(32, 32, 1), epochs=2, batch_size=64, out=str(folder)), quiet=True)
    images, labels, _ = load_arrays("digits", "test", size=(32, 32), channels=1, limit=100)
    reports = []
    for scheme in ("float32", "int8"):
        path = folder / f"lenet5_{scheme}.tflite"
        options = {"calibration": images, "images": images, "labels": labels, "force": True}
        reports.append(tflite.export(folder / "model.keras", path, scheme=scheme, **options))
    (folder / "report.json").write_text(json.dumps({"exports": [r.to_dict() for r in reports]}))
    return folder


class Checked(HTMLParser):
    """What a page holds: ids, links within it, pictures without a text, addresses outside."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.silent, self.outside, self.titles, self.open = set(), [], [], [], [], []
        self.text, self.charts = "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        if tag == "img" and attrs.get("width"):
            self.charts.append(attrs)
        if tag == "img" and not attrs.get("alt"):
            self.silent.append(attrs)
        for key in ("src", "href", "srcset", "action"):
            value = attrs.get(key, "")
            if value.startswith("#"):
                self.links.append(value[1:])
            elif value and not value.startswith("data:"):
                self.outside.append(value)
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(path):
    text = path.read_text(encoding="utf-8")
    checked = Checked(text)
    assert not checked.open and not checked.silent and not checked.outside
    assert set(checked.links) <= checked.ids
    assert not re.search(r"url\((?!data:)|@import|<script", text)
    assert len(text.encode()) < 5e6
    return checked


def test_a_run_is_shown_completely(run):
    page = page_of(report(run))
    for message in ("What it is", "61,706", "2 epochs", "Accuracy 0.", "Expected calibration error", "int8", "near"):
        assert message in page.text
    assert "Not shown" not in page.text
    metrics = json.loads((run / "metrics.json").read_text())
    assert f"Accuracy {metrics['accuracy']:.4f}" in page.text
    wrong = metrics["examples"] - round(metrics["accuracy"] * metrics["examples"])
    assert f"{wrong} of 360 held-out pictures; the surest mistakes first" in page.text and wrong > 0


@pytest.mark.slow
def test_the_model_is_the_one_that_the_figures_are_of(run, tmp_path):
    """The last one's, which is exported too, not the best epoch's."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    model = keras.saving.load_model(run / "model.keras", compile=False)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.save(folder / "best.keras")
    page = page_of(report(folder))
    metrics = json.loads((run / "metrics.json").read_text())
    wrong = metrics["examples"] - round(metrics["accuracy"] * metrics["examples"])
    assert f"{wrong} of 360 held-out" in page.text and "model.keras, trained on digits" in page.text


@pytest.mark.slow
def test_model_files_are_shown(run, tmp_path):
    kept = tmp_path / "alone.keras"
    shutil.copy(run / "model.keras", kept)
    page = page_of(report(kept))
    assert "Measured for this page" in page.text and "there is no history.csv" in page.text
    page = page_of(report(run / "lenet5_int8.tflite", tmp_path / "file.html", dataset="digits"))
    assert "no gradients" in page.text and "Expected calibration error" in page.text


def test_an_interrupted_run_shows_what_is_there(run, tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(run / "recipe.json", half)
    page = page_of(report(half))
    assert "interrupted before its first model" in page.text
    assert "there is no history.csv" in page.text and "there is no model yet" in page.text
    lines = (run / "history.csv").read_text().splitlines()
    (half / "history.csv").write_text("\n".join(lines[:2]) + "\n")
    page = page_of(report(half))
    assert "1 of 2 epochs are there" in page.text


def test_names_of_classes_are_escaped(tmp_path):
    path = tmp_path / "odd.keras"
    model = randomize(build("lenet5", classes=2))
    model.save(path)
    write_card(path, Card("<b>odd</b>", ("<script>alert(1)</script>", "b&c")))
    page = page_of(report(path))
    assert "<script>alert(1)</script>" in page.text and "data set is not known" in page.text


@pytest.mark.slow
def test_a_run_that_is_killed_has_its_curves(tmp_path, monkeypatch):
    """The history is written after each epoch, not at the end."""
    save = run_folder.save_model

    def killed_at_the_end(model, path, *more):
        if path.name == "model.keras":
            raise KeyboardInterrupt
        save(model, path, *more)

    monkeypatch.setattr(run_folder, "save_model", killed_at_the_end)
    folder = tmp_path / "run"
    recipe = Recipe(model="lenet5", input_shape=(32, 32, 1), epochs=3, max_steps=40, batch_size=64, out=str(folder))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, quiet=True)
    assert not (folder / "model.keras").exists() and not (folder / "metrics.json").exists()
    page = page_of(report(folder))
    assert "1 of 3 epochs are there" in page.text or "2 of 3 epochs are there" in page.text
    assert "best.keras, trained on digits" in page.text and "Measured for this page" in page.text
    assert len(page.charts) == 4  # two curves, confusion, reliability


def test_a_segmenters_run(tmp_path):
    """What `tasks.segmentation` writes: counts of pixels, a class that no picture shows."""
    names = ("ground", "cat $ $", "dog", "never")
    counts = np.array([[90_000, 500, 0, 0], [2_000, 18_000, 0, 0], [700, 300, 9_000, 0], [0, 0, 0, 0]])
    page = page_of(report(run_of(tmp_path, "fcn8s", pixels.report(counts, names))))
    assert f"Mean intersection over union {(90 / 93.2 + 18 / 20.8 + 9 / 10) / 3:.4f}" in page.text
    assert "cat $ $" in page.text and "never" in page.text and "nan" not in page.text
    assert page.text.count("shown for classifiers, and the model is for segmentation") == 3


def test_a_detectors_run(tmp_path):
    """What `tasks.detection` writes: one box of a cat found, one missed; no dog anywhere."""
    boxes = np.array([[[10.0, 10, 20, 20], [40, 40, 60, 60]]])
    result = (boxes[:, :1], np.zeros((1, 1)), np.full((1, 1), 0.9))
    counts = (*result, boxes, np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2)), np.array([2]), np.ones((1, 1)))
    metrics = Detection.measure(None, counts, ("cat", "dog"))
    page = page_of(report(run_of(tmp_path, "faster_rcnn", metrics)))
    assert f"Mean average precision {metrics['map']:.4f}" in page.text and metrics["map"] == pytest.approx(
        0.505, abs=0.01
    )
    assert re.search(r"not found\s*1\s", page.text) and re.search(r"dog\s+What was found", page.text)
    assert "the model is for detection" in page.text


def run_of(folder, model, metrics):
    """A run's folder, of which only the recipe and the figures are left."""
    (folder / "recipe.json").write_text(Recipe(model=model, dataset="scenes", out=str(folder)).json())
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.mark.parametrize(
    ("path", "says"),
    [("nothing", "not a run folder"), ("empty", "holds no run"), ("a.keras", "no file"), ("bad.keras", "cannot read")],
)
def test_mistakes_end_in_one_line(capsys, tmp_path, path, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.keras").write_bytes(b"no model")
    with pytest.raises(SystemExit) as exit:
        commands.main(["report", str(tmp_path / path)])
    err = capsys.readouterr().err
    if path == "bad.keras":  # what is there is shown, and what is wrong is named on the page
        assert exit.value.code == 2 or "cannot read" in (tmp_path / "bad.keras.html").read_text()
    else:
        assert exit.value.code == 2 and says in err and err.count("\n") == 1


@pytest.mark.parametrize("out", [1.5, 0, "", b"a.html", ["a.html"]])
def test_a_page_that_is_no_path_is_refused(out, tmp_path):
    with pytest.raises(UserError, match="^out "):
        report(tmp_path, out)


def test_pictures_are_cropped_as_in_the_runs_own_evaluation(tmp_path):
    """What the report measures on is what `load_arrays` gives for the recipe's crop."""
    pixels = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3)).astype("uint8")
    for i, name in enumerate(("train/a", "train/b", "test/a", "test/b")):
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.fromarray(pixels[i]).save(tmp_path / "d" / name / "0.png")
    dataset = f"folder:{tmp_path / 'd'}"
    recipe = Recipe(model="lenet5", dataset=dataset, augment={"crop_fraction": 0.5}, out=str(tmp_path))
    (tmp_path / "recipe.json").write_text(recipe.json())
    build("lenet5", classes=2, input_shape=(32, 32, 3)).save(tmp_path / "model.keras")
    shown, _, _ = subject(tmp_path, dataset=dataset).held_out
    half, _, _ = load_arrays(dataset, "test", size=(32, 32), crop_fraction=0.5)
    full, _, _ = load_arrays(dataset, "test", size=(32, 32))
    np.testing.assert_array_equal(shown, half)
    assert np.abs(shown.astype(int) - full).max() > 50


FILES = ("recipe.json", "metrics.json", "history.csv", "report.json")
CONTENTS = [
    b"",
    b"{",
    b"[]",
    b"[1, 2]",
    b"null",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"epochs": "x", "model": []}',
    b"\0,\0\n1",
]
CONTENTS += [
    b'{"accuracy": null, "classes": 3}',
    b'{"classes": {}, "accuracy": 1, "examples": "x"}',
    b"epoch,loss\n1\n,,,,",
]
CONTENTS += [b'{"exports": [{"scheme": 1, "size_bytes": "x", "status": []}]}', b'{"exports": 3}', b"epoch,loss\nx,y\n"]


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_of_a_run_are_reported_in_one_line(tmp_path, name):
    for number, content in enumerate(CONTENTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        run_of(folder, "lenet5", {})
        (folder / "history.csv").write_text("epoch,loss\n1,0.5\n")
        (folder / name).write_bytes(content)
        try:
            page = page_of(report(folder))
        except UserError as error:
            assert "\n" not in str(error) and str(folder) in str(error)
        else:
            assert "Traceback" not in page.text


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), pytest.param(1280, "light", marks=pytest.mark.slow)])
def test_it_reads_in_a_browser(run, tmp_path, width, scheme):
    """Drawn offline; nothing is wider than the window; the background is the scheme's."""
    page, shot = report(run, tmp_path / "page.html"), tmp_path / "shot.png"
    probe = tmp_path / "probe.html"
    frame = f'<iframe id="f" src="page.html" style="width:{width}px;height:3000px;border:0"></iframe>'
    probe.write_text(
        f"<body style='margin:0'>{frame}<pre id=o></pre><script>onload=()=>{{const d=document.getElementById('f')"
        ".contentDocument;document.getElementById('o').textContent="
        "[d.documentElement.scrollWidth,d.images.length,"
        "[...d.images].every(i=>i.complete&&i.naturalWidth>0)].join(' ')}"
        "</script>"
    )
    flags = [*FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"]
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    drawn = subprocess.run(
        [CHROMIUM, *flags, *dark, f"--window-size={max(width, 500)},1200", "--dump-dom", probe.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    result, images, loaded = re.search(r"<pre id=.?o.?>(\d+) (\d+) (\w+)</pre>", drawn).groups()
    assert int(result) <= width and int(images) > 4 and loaded == "true"
    subprocess.run(
        [CHROMIUM, *flags, *dark, f"--window-size={width},1200", f"--screenshot={shot}", page.as_uri()],
        capture_output=True,
        timeout=120,
        check=True,
    )
    corner = np.asarray(Image.open(shot).convert("L"))[2, 2]
    assert (corner < 60) if scheme == "dark" else (corner > 240)


# ---- what is computed for it


def test_calibration_by_hand():
    """Two pictures of confidence .8, one right; three of .95, all right."""
    probabilities = np.array([[0.8, 0.2], [0.8, 0.2], [0.05, 0.95], [0.05, 0.95], [0.05, 0.95]])
    result = calibration(probabilities, np.array([0, 1, 1, 1, 1]))
    assert result.counts.tolist() == [0] * 7 + [2, 0, 3]
    assert result.accuracy[7] == 0.5 and result.confidence[9] == pytest.approx(0.95)
    assert result.expected_error == pytest.approx((2 * 0.3 + 3 * 0.05) / 5)


def test_a_calibrated_classifier_has_a_small_error():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20000)
    labels = (rng.uniform(size=20000) > sure).astype(int)
    assert calibration(np.stack([sure, 1 - sure], 1), labels).expected_error < 0.015
    assert calibration(np.stack([sure, 1 - sure], 1), 1 - labels).expected_error > 0.4


def test_near_duplicates_are_found_and_others_are_not():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (30, 24, 24, 3)).astype("uint8")
    second = rng.integers(0, 256, (20, 24, 24, 3)).astype("uint8")
    second[3] = np.clip(first[7].astype(int) * 0.8 + 20 + rng.integers(-3, 4, first[7].shape), 0, 255)
    second[5] = first[9]
    second[6] = first[9]
    second[8] = 100
    pairs = near_duplicates(first, second)
    assert {pair[:2] for pair in pairs} == {(7, 3), (9, 5), (9, 6)}
    assert pairs[0][2] == pytest.approx(1, abs=1e-5) and pairs[-1][:2] == (7, 3)
