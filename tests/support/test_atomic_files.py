"""Files are whole or not there: an earlier one survives whatever happens while its successor is written."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from keras_cnns.saving.card import Card, read_card, write_card
from keras_cnns.support.atomic_files import write_json, write_text, written_aside
from keras_cnns.support.errors import UserError
from keras_cnns.support.owners import DAY


def test_the_new_file_takes_the_name_at_the_end(tmp_path):
    with written_aside(tmp_path / "deep" / "file.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "deep" / "file.txt").exists()
    assert (tmp_path / "deep" / "file.txt").read_text() == "new"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_names_and_texts_that_utf8_cannot_hold(tmp_path):
    """A name in Latin-1 on a system with UTF-8, as Python reads it."""
    name = os.fsdecode(b"n\xe9t.html")
    write_text(tmp_path / name, f"<p>{name} größe</p>")
    assert os.listdir(os.fsencode(tmp_path)) == [b"n\xe9t.html"]
    assert (tmp_path / name).read_text(encoding="utf-8") == r"<p>n\udce9t.html größe</p>"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), written_aside(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_reported_in_one_line_and_loses_nothing(tmp_path):
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
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    with written_aside(tmp_path / "other.txt"):  # another file's temporary files are not its business
        assert len(list(tmp_path.iterdir())) == 3
    with written_aside(target) as temporary:  # the next write clears what the killed process left
        temporary.write_text("new")
    assert target.read_text() == "new" and sorted(p.name for p in tmp_path.iterdir()) == ["file.txt", "other.txt"]


def test_the_temporary_file_of_a_running_process_is_kept(tmp_path):
    target = tmp_path / "file.txt"
    with written_aside(target) as first:
        first.write_text("first")
        with written_aside(target) as second:
            assert first.exists() and first != second
            second.write_text("second")
        assert target.read_text() == "second"
    assert target.read_text() == "first" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("age", "left"), [(3600, True), (2 * DAY, False)])
def test_the_temporary_file_of_another_machine_is_kept_for_a_day(tmp_path, age, left):
    strange = tmp_path / ".file-0123abcd-17-x1y2z3.txt"
    strange.touch()
    os.utime(strange, (time.time() - age,) * 2)
    with written_aside(tmp_path / "file.txt"):
        pass
    assert strange.exists() == left


@pytest.mark.parametrize("name", [".file-notes.txt", ".file-2024-01-01.txt", ".file-0123abcd-17-x1y2z3.md"])
def test_a_hidden_file_of_somebody_else_is_kept(tmp_path, name):
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (0, 0))
    with written_aside(tmp_path / "file.txt"):
        pass
    assert (tmp_path / name).exists()


def test_a_pipe_or_a_device_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name, kind in (("pipe", "named pipe"), ("null", "device")):
        with pytest.raises(UserError, match=kind), written_aside(tmp_path / name):
            pass
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode) and (tmp_path / "null").is_symlink()


def test_a_message_names_the_file_that_was_asked_for(tmp_path):
    target = tmp_path / "net.tflite"
    with pytest.raises(UserError) as error, written_aside(target) as temporary:
        raise UserError(f"{temporary} and {temporary.name} are not good enough.")
    assert str(error.value) == f"{target} and net.tflite are not good enough."


def test_so_does_a_message_about_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refused(prefix, suffix, dir):
        raise PermissionError(errno.EACCES, "Permission denied", str(Path(dir) / f"{prefix}abc{suffix}"))

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    target = tmp_path / "report.html"
    with pytest.raises(UserError) as error, written_aside(target):
        pass
    assert str(error.value) == f"cannot write {target}: Permission denied. It was left unchanged."


def test_a_missing_file_that_the_body_reads_is_named(tmp_path):
    with pytest.raises(UserError, match="missing.txt: No such file"), written_aside(tmp_path / "a.txt"):
        (tmp_path / "missing.txt").read_text()


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    target = tmp_path / ("ü" * 120 + ".tflite")
    with written_aside(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX rights")
def test_a_folder_that_is_a_file_is_reported_in_one_line(tmp_path):
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


def test_json_may_name_a_file_that_is_not_in_utf8(tmp_path):
    write_json(tmp_path / "a.json", {"file": "\udcff.png"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"file": "\udcff.png"}
    write_json(tmp_path / "b.json", {"file": "é.png"})
    assert "é" in (tmp_path / "b.json").read_text(encoding="utf-8")
