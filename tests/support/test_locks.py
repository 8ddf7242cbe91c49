"""A lock keeps other processes out until its holder ends, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.support.locks import locked
from keras_cnns.training import run_folder

ROOT = Path(__file__).parents[2]
HOLD = (
    "import sys, time; from keras_cnns.support.locks import locked\n"
    "with locked(sys.argv[1], wait=False) as own:\n"
    "    print(own, flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()


def test_another_process_holds_it_until_it_is_killed(holder, tmp_path):
    with locked(tmp_path, wait=False) as own:
        assert not own
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path, wait=True) as own:
        assert own


def test_two_trainings_in_one_folder(holder, tmp_path):
    with pytest.raises(UserError, match="another process trains into"), run_folder.alone(tmp_path):
        pass


def test_a_folder_in_which_nothing_was_written_is_removed(tmp_path):
    with run_folder.alone(tmp_path / "deep" / "run"):
        assert (tmp_path / "deep" / "run").is_dir()
    assert not (tmp_path / "deep" / "run").exists()
    with run_folder.alone(tmp_path / "run"):
        (tmp_path / "run" / "recipe.json").touch()
    assert (tmp_path / "run" / "recipe.json").exists()


def test_a_file_that_was_renamed_meanwhile_is_not_held(tmp_path):
    path = tmp_path / "a.part"
    with locked(path, wait=False, create=True) as own:
        assert own and path.exists()
        path.rename(tmp_path / "a")
        with locked(path, wait=False, create=True) as other:
            assert other  # a new file of the same name
