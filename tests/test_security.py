"""One test for each numbered promise of SECURITY.md. All markers are harmless: an empty file that must not appear."""

import hashlib
import json
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns.data.pictures import read_picture
from keras_cnns.data.sources import walk
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.export_scripts import app_source
from keras_cnns.insight.report.subject import subject
from keras_cnns.saving.card import ENTRY, Card, read_card
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import export, predict
from keras_cnns.training import Recipe
from keras_cnns.weights import download
from keras_cnns.weights.formats import readers
from tests.fuzz import test_readers as fuzzing
from tests.saving.test_variable_limit import altered

ROOT = Path(__file__).parents[1]


class Runs:
    """Pickled, it makes an empty file when a careless reader loads it."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A small classifier as a .tflite file."""
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(image)))
    card = Card("net", ('a"\n$b', "*/ c", "`d`"))
    return export(model, tmp_path_factory.mktemp("file") / "net.tflite", card=card, force=True).path


def test_every_promise_has_a_test():
    promised = set(re.findall(r"^(\d+)\. \*\*", (ROOT / "SECURITY.md").read_text(), re.MULTILINE))
    tested = {match[1] for name in globals() if (match := re.match(r"test_promise_(\d+)_", name))}
    assert promised == tested and len(promised) == 11


@pytest.mark.parametrize("zipped", [True, False])
def test_promise_1_a_pickle_does_not_run(tmp_path, zipped):
    mark, path = tmp_path / "mark", tmp_path / "weights.pth"
    data = pickle.dumps({"conv.weight": Runs(mark)}, protocol=2)
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
    else:
        path.write_bytes(data)
    with pytest.raises(UserError):
        readers.read(path)
    assert not mark.exists()
    pickle.loads(data)  # the marker works
    assert mark.exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_promise_1_a_lambda_does_not_run(tmp_path, suffix):
    mark, path = tmp_path / "mark", tmp_path / f"model.{suffix}"
    image = keras.Input((4,))
    name = str(mark)
    marking = keras.layers.Lambda(lambda x: (open(name, "w").close(), x)[1], output_shape=(4,))
    keras.Model(image, marking(image)).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(UserError, match="cannot read"):
        load_model(path)
    assert not mark.exists()


def test_promise_2_files_stay_in_their_folder(tmp_path):
    Image.new("RGB", (12, 10), "white").save(tmp_path / "secret.png")
    folder = tmp_path / "data"
    fuzzing.pictures(folder / "images")
    for name in ("../secret.png", str(tmp_path / "secret.png"), "images/../../secret.png"):
        images = [dict(row, file_name=name) if row["id"] == 1 else row for row in fuzzing.COCO["images"]]
        (folder / "a.json").write_text(json.dumps(fuzzing.COCO | {"images": images}))
        with pytest.raises(UserError, match="secret.png"):
            open_source(f"folder:{folder}", "train", "boxes")


def test_promise_3_a_run_folder_leads_nowhere(tmp_path):
    recipe = json.loads(Recipe("lenet5").json()) | {"dataset": f"folder:{tmp_path}", "data_dir": "/"}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe))
    about = subject(tmp_path / "run")
    assert about.dataset is None and about.data_dir is None and "--dataset" in about.data_note


def test_promise_4_only_regular_files(tmp_path):
    for name in ("a.png", "b.keras", "c.tflite"):
        os.mkfifo(tmp_path / name)
    for read in (lambda: read_picture(tmp_path / "a.png", (8, 8, 3)), lambda: read_card(tmp_path / "b.keras")):
        with pytest.raises(UserError, match="named pipe"):
            read()
    with pytest.raises(UserError, match="named pipe"), written_aside(tmp_path / "c.tflite"):
        pass
    assert walk.pictures(tmp_path) == []


def test_promise_5_sizes_are_checked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, bytes(50_000_000))
    with pytest.raises(UserError, match="unpacks"):
        read_card(tmp_path / "bomb.keras")
    with zipfile.ZipFile(tmp_path / "deep.keras", "w") as archive:
        archive.writestr(ENTRY, "[" * 5000 + "]" * 5000)
    with pytest.raises(UserError, match="nested"):
        read_card(tmp_path / "deep.keras")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(UserError):
        readers.read(tmp_path / "a.safetensors")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_promise_5_a_description_takes_no_memory(tmp_path, suffix):
    """A process may not take a GiB more. `tests/saving/test_variable_limit.py` has other layers."""
    image = keras.Input((4,))
    path = altered(
        tmp_path / f"net.{suffix}",
        keras.Model(image, keras.layers.Dense(2)(image)),
        lambda layers: layers[-1]["config"].update(units=10**10),
    )
    kept = resource.getrlimit(resource.RLIMIT_DATA)
    in_use = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (in_use + 2**30, kept[1]))
    try:
        with pytest.raises(UserError, match="describes layers with at least 149 GiB of weights"):
            load_model(path)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, kept)


def test_promise_6_names_never_become_code(file):
    """`tests/export_scripts/test_app_source.py` parses every language; this one runs."""
    script = app_source.write(file, "python")
    names = {}
    exec(compile(script.read_text().split("def load")[0], str(script), "exec"), {"__file__": str(script)}, names)
    assert names["LABELS"] == ['a"\n$b', "*/ c", "`d`"]


def test_promise_7_nothing_beside_a_file_is_imported(file, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    for name in ("json", "numpy", "numbers", "ai_edge_litert", "sitecustomize", "keras_cnns"):
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    copy = tmp_path / "net.tflite"
    copy.write_bytes(Path(file).read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert predict(copy, np.zeros((2, 8, 8, 1), "float32")).shape == (2, 3)
    assert not mark.exists()


def test_promise_8_a_killed_process_leaves_the_earlier_file(tmp_path):
    target = tmp_path / "net.tflite"
    target.write_text("old")
    code = (
        "import os, signal, sys; from keras_cnns.support.atomic_files import written_aside\n"
        "with written_aside(sys.argv[1]) as new:\n"
        "    new.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL and target.read_text() == "old"
    with written_aside(target) as new:
        new.write_text("new")
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["card", "safetensors", "torch", "hdf5", "png"])
def test_promise_9_a_bad_file_ends_in_one_line(tmp_path, kind):
    name, make, read = fuzzing.FILES[kind]
    sound, path = make(tmp_path), tmp_path / f"cut-{name}"
    for length in range(0, len(sound), max(1, len(sound) // 40)):
        path.write_bytes(sound[:length])
        fuzzing.check(read, path)


def elsewhere(file, name, folder, kind):
    """Replaces a data set of an HDF5 file by one whose bytes are in another file."""
    shape = file[name].shape
    del file[name]
    if kind == "link":
        file[name] = h5py.ExternalLink(folder / "secret.h5", "x")
    elif kind == "storage":
        (folder / "raw").write_bytes(np.full(shape, 9, "float32").tobytes())
        file.create_dataset(name, shape, "float32", external=[(str(folder / "raw"), 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape, "float32")
        layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", shape)
        file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_promise_10_weights_come_from_the_file_alone(tmp_path, kind):
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    model.save(tmp_path / "model.keras")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.full((4, 2), 7, "float32")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "a.weights.h5"
    path.write_bytes(parts["model.weights.h5"])
    readers.read(path)
    with h5py.File(path, "a") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if getattr(item, "shape", None) == (4, 2) else None)
        elsewhere(file, names[0], tmp_path, kind)
    with pytest.raises(UserError):
        readers.read(path)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, path.read_bytes() if name == "model.weights.h5" else data)
    with pytest.raises(UserError):
        load_model(tmp_path / "model.keras")
    with pytest.raises(UserError):
        readers.read(tmp_path / "model.keras")


def test_promise_11_a_download_with_a_digest_is_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CNNS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights.bin").write_bytes(b"sound")
    address, digest = (tmp_path / "weights.bin").as_uri(), f"sha256:{hashlib.sha256(b'sound').hexdigest()}"
    cached = download.fetch(address, digest)
    cached.write_bytes(b"other")
    (tmp_path / "weights.bin").write_bytes(b"other")
    with pytest.raises(UserError):
        download.fetch(address, digest)
