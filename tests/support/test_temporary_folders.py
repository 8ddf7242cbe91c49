"""Temporary folders end with their process, or with the next one if it was killed; nobody else's are touched."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.support.owners import mark
from keras_cnns.support.temporary_folders import everything_temporary_inside, temporary_folder

ROOT = Path(__file__).parents[2]


def killed(body, folder):
    """Runs a body in a process of its own that is killed at the end of it."""
    code = (
        "import os, signal, sys, tempfile\n"
        "from keras_cnns.support.temporary_folders import *\n"
        f"{body}\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)}
    )
    assert ended.returncode == -signal.SIGKILL


def test_the_next_folder_clears_what_a_killed_process_left(tmp_path):
    killed("with temporary_folder(sys.argv[1]) as folder:\n    (folder / 'a').touch()", tmp_path)
    assert len(list(tmp_path.glob("keras_cnns-*/a"))) == 1
    with temporary_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())


def test_so_it_is_with_what_other_libraries_put_aside(tmp_path, monkeypatch):
    killed("with everything_temporary_inside():\n    tempfile.mkstemp()", tmp_path)
    assert len(list(tmp_path.glob("keras_cnns-*/tmp*"))) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with everything_temporary_inside():
        assert Path(tempfile.mkdtemp()).parent.parent == tmp_path and len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir()) and tempfile.tempdir == str(tmp_path)


def test_nothing_changes_where_there_is_no_room_for_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with everything_temporary_inside():
        assert tempfile.tempdir == str(tmp_path / "missing")


def test_a_training_without_room_for_temporary_files_is_refused(tmp_path, monkeypatch):
    from keras_cnns.training import Recipe, train

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(UserError, match="no room for temporary files in .*missing"):
        train(Recipe("lenet5", out=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_name_is_kept(tmp_path):
    dead = f"{mark().split('-')[0]}-99999999-"
    names = {"keras_cnns-notes", f"keras_cnns-{dead}x y", f"other-{dead}abc", "keras_cnns-1-2-3"}
    for name in names:
        (tmp_path / name).mkdir()
    with temporary_folder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == names


def test_the_folder_of_a_running_process_is_kept(tmp_path):
    with temporary_folder(tmp_path) as first, temporary_folder(tmp_path) as second:
        assert first.is_dir() and second.is_dir()


def test_a_link_is_neither_followed_nor_deleted(tmp_path):
    machine = mark().split("-")[0]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kept").touch()
    link = tmp_path / f"keras_cnns-{machine}-99999999-abc"
    link.symlink_to(tmp_path / "own")
    with temporary_folder(tmp_path):
        pass
    assert link.is_symlink() and (tmp_path / "own" / "kept").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others")
def test_the_folder_of_another_user_is_kept(tmp_path):
    machine = mark().split("-")[0]
    for user, left in ((os.getuid(), False), (12345, True)):
        folder = tmp_path / f"keras_cnns-{machine}-99999999-abc"
        folder.mkdir()
        os.chown(folder, user, -1)
        with temporary_folder(tmp_path):
            pass
        assert folder.exists() == left
