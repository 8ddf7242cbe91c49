"""Files are whole or not there: an earlier one survives whatever happens while its successor is written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cnns.saving.card import Card, read_card, write_card
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UserError


def test_the_new_file_takes_the_name_at_the_end(tmp_path):
    with written_aside(tmp_path / "deep" / "file.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "deep" / "file.txt").exists()
    assert (tmp_path / "deep" / "file.txt").read_text() == "new"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), written_aside(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(tmp_path):
    target = tmp_path / "file.bin"
    target.write_text("old")
    with pytest.raises(UserError, match="No space left") as error, written_aside(target):
        Path("/dev/full").write_bytes(b"x" * 100_000)
    assert "\n" not in str(error.value)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    code = (
        "import os, signal, sys; from keras_cnns.support.atomic_files import written_aside\n"
        "with written_aside(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX rights")
def test_a_folder_that_is_a_file_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(UserError, match="cannot write"), written_aside(tmp_path / "file" / "inside.txt"):
        pass


def test_a_card_travels_inside_a_model_file(tmp_path):
    import zipfile

    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    assert read_card(path) == Card()
    card = Card("lenet5", ("zero", "one"), {"dataset": "digits"})
    write_card(path, card)
    assert read_card(path) == card
    assert zipfile.ZipFile(path).read("config.json") == b"{}"
