"""The child process: it imports nothing that lies beside a file, and its end is one clear line."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def test_the_current_folder_is_not_searched(tmp_path, monkeypatch):
    """A file beside a .tflite may have the name of a runtime that is not installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path), *sys.path])
    assert not {"", ".", str(tmp_path)} & set(process._search_path())


def test_the_child_sees_no_other_settings(monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "x.py")
    assert not {"SECRET", "PYTHONSTARTUP"} & set(process._environment(process.CHILD.parent))


JOBS = """
import os, sys, time
def _flags(job, inputs): return {"isolated": sys.flags.isolated, "first": sys.path[0]}, {}
def _sleep(job, inputs): time.sleep(60)
def _die(job, inputs): os._exit(7)
def _import(job, inputs): import a_runtime_that_nobody_has
def _refuse(job, inputs): raise RuntimeError("no kernel for\\nFOO")
def _hoard(job, inputs): bytearray(2**31)
def _kill(job, inputs):
    os.kill(os.getppid(), 9)
    _sleep(job, inputs)
JOBS = {"sleep": _sleep, "die": _die, "import": _import, "refuse": _refuse, "hoard": _hoard, "kill": _kill}
JOBS["flags"] = _flags
"""


TOY = process.Runtime("Toy", "toy", "pip install toy")


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package with one target, `toy`."""
    targets = tmp_path / "tflite" / "targets"
    targets.mkdir(parents=True)
    (tmp_path / "__init__.py").write_text("")
    (targets / "toy.py").write_text(JOBS)
    monkeypatch.setattr(process, "PACKAGE", tmp_path)
    return tmp_path


def test_the_child_is_isolated(toy):
    """Neither the folder of its script nor the user's own packages are searched."""
    result, _ = process.run_child(TOY, "flags", {})
    assert result["isolated"] == 1 and result["first"] != str(process.CHILD.parent)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("sleep", UserError, "Toy was stopped on a.tflite: it took longer than 1 seconds"),
        ("die", UserError, r"Toy crashed on a.tflite \(exit 7\): it printed nothing"),
        ("import", NotInstalled, "Toy was not run: pip install toy .*a_runtime_that_nobody_has"),
        ("refuse", UserError, "Toy cannot run a.tflite: no kernel for FOO"),
    ],
)
def test_however_a_runtime_dies_the_error_is_one_line(kind, error, message, toy):
    seconds = 1 if kind == "sleep" else 60
    with pytest.raises(error, match=message) as raised:
        process.run_child(TOY, kind, {"file": "/folder/a.tflite"}, seconds=seconds)
    assert "\n" not in str(raised.value)


def test_after_a_crash_the_next_job_has_a_new_process(toy):
    with process.Child(TOY) as child:
        with pytest.raises(UserError, match="Toy crashed"):
            child.ask("die", {})
        assert child.ask("flags", {})[0]["isolated"] == 1


def test_no_room_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="Toy cannot be run on a.tflite"):
        process.run_child(TOY, "sleep", {"file": "a.tflite"})


def test_a_user_sets_the_limits(toy, monkeypatch):
    monkeypatch.setenv(process.SECONDS_VARIABLE, "0.5")
    with pytest.raises(UserError, match=rf"longer than 0.5 seconds \({process.SECONDS_VARIABLE}\)"):
        process.run_child(TOY, "sleep", {})
    monkeypatch.setenv(process.SECONDS_VARIABLE, "60")
    monkeypatch.setenv(process.MEMORY_VARIABLE, "1")
    with pytest.raises(UserError, match="Toy cannot run a.tflite: MemoryError"):
        process.run_child(TOY, "hoard", {"files": ["/b/a.tflite"]})
    monkeypatch.setenv(process.MEMORY_VARIABLE, "much")
    with pytest.raises(UserError, match="KERAS_CNNS_RUNTIME_GIB is 'much': give a number above 0"):
        process.run_child(TOY, "refuse", {})


def test_a_child_ends_with_its_parent(toy):
    """The child kills its parent, and would sleep for a minute."""
    code = (
        "from pathlib import Path; from keras_cnns.tflite.targets import process\n"
        f"process.PACKAGE = Path({str(toy)!r}); process.run_child(process.Runtime('Toy', 'toy', ''), 'kill', {{}})"
    )
    started = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], env={**os.environ, "TMPDIR": str(toy)}
    )
    assert started.returncode == -signal.SIGKILL
    (folder,) = toy.glob("keras_cnns-*")
    deadline = time.monotonic() + 30
    while _runs_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs_in(folder)


def _runs_in(folder):
    """Whether a process was started for this folder and still runs."""
    lines = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout
    return str(folder) in lines
