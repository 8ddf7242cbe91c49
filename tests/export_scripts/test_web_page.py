"""The page that runs a file in the browser: valid with hostile names, complete or absent; it answers as Python."""

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace

import html5lib
import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.export_scripts import app_source, web_page
from keras_cnns.export_scripts.web_page import write_page
from keras_cnns.inference.drawing import letterbox
from keras_cnns.inference.pictures import read_picture
from keras_cnns.inference.predict import predict
from keras_cnns.support.errors import NotInstalled, UnreadableFile, UnsupportedModel
from keras_cnns.tflite.targets import litert_js
from keras_cnns.tflite.targets.chromium import Browser, find_chromium
from tests.export_scripts.test_app_source import EVERY, exported, facts
from tests.support.test_escaping import HOSTILE, parsed
from tests.tflite.targets.conftest import empty_package, installed_browser

TEMPLATES = web_page.Path(web_page.__file__).parent / "templates" / "web"
needs_browser = pytest.mark.skipif(not installed_browser(), reason="Chromium or LiteRT.js is not installed")


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv(litert_js.FOLDER, str(empty_package(tmp_path / "node_modules")))


def test_the_page_is_valid_html_and_no_name_becomes_markup():
    for example in EVERY:
        page = web_page.index(example, "2.5.3", 1000)
        html5lib.HTMLParser(strict=True).parse(page)
        assert page.count("<script") == page.count("</script>") == 2
        assert set(re.findall(r"<(\w+)", page)) == set(re.findall(r"<(\w+)", web_page.index(facts(), "2.5.3", 1000)))


def test_the_page_may_ask_only_its_own_folder():
    policy = html.unescape(re.search('Policy" content="(.*?)"', web_page.index(facts(), "2.5.3", 1))[1])
    sources = {word for rule in policy.split("; ") for word in rule.split()[1:]}
    assert {word for word in sources if not word.startswith("'sha256-")} == {
        *("'none'", "'self'", "'wasm-unsafe-eval'", "data:", "blob:")
    }
    texts = [(TEMPLATES / name).read_text() for name in (*web_page.STATIC, "index.html.jinja")]
    assert not re.findall(r"https?://(?!127\.0\.0\.1)", "".join(texts))


def test_the_scripts_are_valid_and_set_no_markup():
    for path in TEMPLATES.glob("*.js"):
        parsed("javascript", path.read_text())
        assert "innerHTML" not in path.read_text()


def test_the_labels_are_kept_as_they_are():
    example = replace(facts(), labels=tuple(HOSTILE))
    assert json.loads(json.dumps(web_page._model(example)))["labels"] == HOSTILE


def test_the_folder_is_complete_and_only_such_a_folder_is_replaced(package, tmp_path, capsys):
    path = exported(tmp_path, "classifier")
    assert app_source.write(path, "web") == tmp_path / "net_web"
    names = {file.relative_to(tmp_path / "net_web").as_posix() for file in (tmp_path / "net_web").rglob("*.*")}
    assert names >= {"index.html", "model.json", "model.tflite", "litert/LICENSE.txt", *web_page.STATIC}
    assert names >= {f"litert/{name}" for name in litert_js.FILES}
    (tmp_path / "net_web" / "old.js").write_text("")
    with pytest.raises(SystemExit) as exit:
        commands.main(["web", str(path)])
    assert exit.value.code == 0 and str(tmp_path / "net_web") in capsys.readouterr().out
    assert not (tmp_path / "net_web" / "old.js").exists()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="give another folder"):
        write_page(path, tmp_path / "photos")
    assert [file.name for file in (tmp_path / "photos").iterdir()] == ["a.png"]


def test_without_the_package_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(litert_js.FOLDER, str(tmp_path / "none"))
    (tmp_path / "net.tflite").write_bytes(b"")
    with pytest.raises(NotInstalled, match=r"npm install --global @litertjs/core@\d"):
        write_page(tmp_path / "net.tflite")
    for words in (["web", "net.tflite"], ["export", "net.keras", "--app", "web"]):
        with pytest.raises(SystemExit) as exit:
            commands.main(words)
        assert exit.value.code == 2 and capsys.readouterr().err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["net.tflite"]


def test_a_file_that_no_browser_runs_is_refused(package, tmp_path):
    path = exported(tmp_path, "classifier", "int8")
    with pytest.raises(UnsupportedModel, match=r"input image is int8.*uint8 or float32"):
        write_page(path)
    assert not (tmp_path / "net_web").exists()


needs_node = pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
SHAPES = [(60, 50), (24, 16), (23, 90), (200, 150), (7, 5), (49, 33)]  # of pictures, for an input of 24 x 16
FRAME = {"height": 24, "width": 16, "type": "float32", "scale": 0, "zero_point": 0, "crop_fraction": 0.875}


def script_job(pixels, channels, crop, upright=False):
    """The arguments of the page's function `prepared` for a decoded picture, uint8 [h, w, 3]."""
    height, width, _ = pixels.shape
    opaque = np.concatenate([pixels, np.full((height, width, 1), 255)], -1).ravel().tolist()
    values = {"mean": [0] * channels, "std": [1] * channels, "channels": channels, "crop": crop}
    return [{"width": width, "height": height, "data": opaque}, FRAME | values, upright]


def run_script(folder, text, *files):
    """What a script prints in Node.js, as JSON. files: names of scripts of the page that it imports."""
    for name in files:
        shutil.copy(TEMPLATES / f"{name}.js", folder / f"{name}.mjs")
    (folder / "run.mjs").write_text(text)
    command = ["node", "run.mjs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def prepared(folder, jobs):
    (folder / "jobs.json").write_text(json.dumps(jobs))
    return run_script(
        folder,
        "import {readFileSync} from 'node:fs'; import {prepared} from './pixels.mjs';\n"
        "const jobs = JSON.parse(readFileSync('jobs.json'));\n"
        "console.log(JSON.stringify(jobs.map((job) => Array.from(prepared(...job).values))))",
        "pixels",
    )


@needs_node
@pytest.mark.parametrize("crop", ["centre", "whole", "letterbox"])
def test_the_script_resizes_as_python_does(crop, tmp_path):
    """Pixel for pixel, without a browser."""
    jobs, expected = [], []
    for number, (height, width) in enumerate(SHAPES):
        channels = 3 if number % 2 else 1
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        jobs.append(script_job(pixels, channels, crop))
        if crop == "letterbox":
            grey = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB")) if channels == 1 else pixels
            expected.append(letterbox(grey, (24, 16))[0][..., :channels])
        else:
            expected.append(read_picture(tmp_path / "a.png", (24, 16, channels), crop=crop, crop_fraction=0.875))
    for values, pixels in zip(prepared(tmp_path, jobs), expected, strict=True):
        np.testing.assert_array_equal(np.reshape(values, pixels.shape), pixels)


@needs_node
def test_the_script_shrinks_jpegs_as_their_decoder_does(tmp_path):
    """Python decodes a large JPEG at a fraction of its size; the page takes the mean of the decoded pixels."""
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8))
    sizes = [(150, 200), (70, 100), (101, 53)]  # at an eighth, a half and a half of their size
    jobs, expected = [], []
    for size in sizes:
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95, subsampling=0)
        jobs.append(script_job(np.asarray(Image.open(tmp_path / "a.jpg")), 3, "whole", upright=True))
        expected.append(read_picture(tmp_path / "a.jpg", (24, 16, 3), crop="whole"))
    for values, pixels in zip(prepared(tmp_path, jobs), expected, strict=True):
        difference = np.abs(np.reshape(values, pixels.shape) - pixels)
        assert difference.mean() < 0.5 and difference.max() <= 4


@needs_node
def test_the_script_sees_whether_a_jpeg_is_turned(tmp_path):
    image, exif = Image.new("RGB", (8, 8)), Image.Exif()
    for number in (1, 6):
        exif[0x0112] = number
        image.save(tmp_path / f"{number}.jpg", exif=exif)
    image.save(tmp_path / "plain.jpg")
    image.save(tmp_path / "no.png")
    answers = run_script(
        tmp_path,
        "import {readFileSync} from 'node:fs'; import {isUprightJPEG} from './pixels.mjs';\n"
        "const view = (name) => new DataView(Uint8Array.from(readFileSync(name)).buffer);\n"
        "console.log(JSON.stringify(['1.jpg', '6.jpg', 'plain.jpg', 'no.png'].map((n) => isUprightJPEG(view(n)))))",
        "pixels",
    )
    assert answers == [True, False, True, False]


# ---- in a browser

STATE = "document.documentElement.dataset.state"


def settled(browser, *states):
    """Waits until the page is in one of these states; returns it."""
    wait = f"const look = () => {list(states)}.includes({STATE}) ? resolve({STATE}) : setTimeout(look, 20); look()"
    return browser.evaluate(f"new Promise(resolve => {{ {wait} }})")


def rows(browser):
    """[(label, score)] of the list on the page."""
    item = "[item.querySelector('.label').textContent, Number(item.dataset.score)]"
    return browser.evaluate(f"[...document.querySelectorAll('#classes li')].map(item => {item})")


def drop(browser, path):
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.command("Input.dispatchDragEvent", type=kind, x=200, y=150, data=data)


@pytest.fixture
def photograph(tmp_path):
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8))
    coarse.resize((60, 50), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@needs_browser
@pytest.mark.parametrize(("task", "kind"), [("classifier", "uint8"), ("segmenter", "float32")])
def test_a_dropped_picture_gets_the_answer_of_python(task, kind, tmp_path, photograph):
    path = exported(tmp_path, task, kind, explain="cam" if task == "classifier" else None)
    folder = write_page(path)
    files = {f"/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.is_file()}
    with Browser(find_chromium(), {"/": folder / "index.html", **files}) as browser:
        browser.open("/")
        assert settled(browser, "ready", "error") == "ready", browser.messages
        drop(browser, photograph)
        assert settled(browser, "done", "error") == "done", browser.messages
        answers = rows(browser)
        assert browser.evaluate("document.getElementById('overlay').hidden") is False
        (tmp_path / "no.png").write_bytes(b"no picture")
        drop(browser, tmp_path / "no.png")
        assert settled(browser, "error") == "error"
        assert browser.evaluate("document.getElementById('status').textContent").startswith("no.png is not a picture")
        assert not browser.refused
    (expected,) = predict(path, photograph)
    assert [label for label, _ in answers] == [label for label, _ in expected["classes"]]
    tolerance = 0.01 if kind == "uint8" else 1e-6
    np.testing.assert_allclose([s for _, s in answers], [s for _, s in expected["classes"]], atol=tolerance)


def test_a_folder_with_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(UnreadableFile, match="did not write it"):
        web_page._check_replaceable(tmp_path)
