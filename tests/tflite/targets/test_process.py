"""The child process: it imports nothing that lies beside a file, and its end is one clear line."""

import os
import sys

import numpy as np
import pytest

from keras_cnns.support.errors import NotInstalled, UserError
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import process, table

SPY = 'open({!r}, "w").write("ran")\n'


@pytest.fixture
def hostile_folder(dense_file, monkeypatch):
    """The folder of a file, with modules in it that tell when they are imported; it is the current folder."""
    folder = dense_file.parent
    for name in ("json", "numpy", "numbers", "ai_edge_litert", "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(SPY.format(str(folder / "ran")))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(folder)]))
    monkeypatch.syspath_prepend("")
    return folder


@pytest.mark.parametrize("target", ["litert", "litert-reference"])
def test_nothing_beside_a_file_is_imported(target, hostile_folder, dense_file, rows):
    answers = table.find(target).run(read_contents(dense_file), {"*": rows}).arrays["scores"]
    np.testing.assert_allclose(answers.sum(-1), 1, atol=1e-6)
    assert not (hostile_folder / "ran").exists()


def test_a_package_known_only_through_sys_path_is_found(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "only_there.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "elsewhere")])
    assert str(tmp_path / "elsewhere") in process._search_path()


def test_the_child_sees_no_other_settings(monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "x.py")
    assert not {"SECRET", "PYTHONSTARTUP"} & set(process._environment(process.CHILD.parent))


JOBS = """
import os, time
def _sleep(job, inputs): time.sleep(60)
def _die(job, inputs): os._exit(7)
def _import(job, inputs): import a_runtime_that_nobody_has
def _refuse(job, inputs): raise RuntimeError("no kernel for\\nFOO")
JOBS = {"sleep": _sleep, "die": _die, "import": _import, "refuse": _refuse}
"""


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("sleep", UserError, "Toy was stopped on a.tflite: it took longer than 1 seconds"),
        ("die", UserError, r"Toy broke down on a.tflite \(exit 7\): it printed nothing"),
        ("import", NotInstalled, "Toy was not run: pip install toy .*a_runtime_that_nobody_has"),
        ("refuse", UserError, "Toy cannot run a.tflite: no kernel for FOO"),
    ],
)
def test_however_a_runtime_ends_it_is_one_line(kind, error, message, tmp_path, monkeypatch):
    targets = tmp_path / "tflite" / "targets"
    targets.mkdir(parents=True)
    (tmp_path / "__init__.py").write_text("")
    (targets / "toy.py").write_text(JOBS)
    monkeypatch.setattr(process, "PACKAGE", tmp_path)
    seconds = 1 if kind == "sleep" else 60
    with pytest.raises(error, match=message) as raised:
        process.run_child(
            "toy", kind, {}, runtime="Toy", install="pip install toy", names=["a.tflite"], seconds=seconds
        )
    assert "\n" not in str(raised.value)


def test_no_room_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(process.tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="Toy cannot be run on a.tflite"):
        process.run_child("toy", "sleep", {}, runtime="Toy", names=["a.tflite"])
