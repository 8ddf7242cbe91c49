"""The counts in `counts/` find nothing in a part of their cases, and notice every kind of fault."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from keras_cnns.support.errors import UserError
from tests.fuzz.counts.children import Harness
from tests.fuzz.counts.commands import End
from tests.fuzz.counts.full_disk import faults_of

ROOT = Path(__file__).parents[2]


def refuse(random, folder):
    raise UserError("this cannot be used.")


def refuse_in_two_lines(random, folder):
    error = UserError()
    error.args = ("this\nis long",)
    raise error


def read_outside(random, folder):
    (folder.parent / "outside" / "secret.txt").read_text()


def write_outside(random, folder):
    (folder.parent / "new").write_text("x")


def start_a_program(random, folder):
    subprocess.run(["true"])


def leave_a_file(random, folder):
    os.close(tempfile.mkstemp()[0])


def write_its_own(random, folder):
    (folder / "a").write_text("x")
    assert (folder / "a").read_text() == "x" and len(list(folder.iterdir())) == 1


ENDS = {
    refuse: "refused",
    write_its_own: "answer",
    refuse_in_two_lines: "message",
    read_outside: "outside",
    write_outside: "outside",
    start_a_program: "outside",
    leave_a_file: "left over",
    lambda random, folder: 1 / 0: "traceback",
    lambda random, folder: os.kill(os.getpid(), signal.SIGKILL): "crash",
    lambda random, folder: time.sleep(60): "hang",
}


def test_every_kind_of_end_is_noticed():
    """One case of each kind, in turn; a case that ends its process does not end the count."""
    bodies = list(ENDS)
    harness = Harness("toy", lambda random, folder: bodies.pop(0)(random, folder))
    try:
        for number, kind in enumerate(ENDS.values()):
            before = harness.outcomes[kind]
            harness.run([number], seconds=2)  # in a child, from whose `bodies` one is taken
            assert harness.outcomes[kind] > before, kind  # Python and the kernel both see what is outside
            bodies.pop(0)
        table = harness.table("toys")
        assert f"| {len(ENDS)} | 1 | 1 | 1 | 1 | 1 | 1 |" in table and "ZeroDivisionError" in table
    finally:
        harness.close()


def test_a_case_is_the_same_each_time():
    harness = Harness("toy", lambda random, folder: f"drew {random.random()}")
    try:
        harness.run([3, 4, 3])
    finally:
        harness.close()
    assert sorted(harness.faults.values()) == [[3, 3], [4]]


def test_half_written_and_left_over_files_are_noticed(tmp_path):
    (tmp_path / "a.html").write_text("<html>")
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / ".c-0123abcd-1-x.tflite").touch()
    faults = faults_of(End(0, "", 1.0), tmp_path)
    assert faults == ["half-written: a.html", "left over: .c-0123abcd-1-x.tflite"]
    assert faults_of(End(None, "", 1.0)) == ["hang"] and "exit -11" in faults_of(End(-11, "x", 1.0))[0]


COUNTS = {
    "tflite_files": 100,
    "weight_files": 100,
    "annotation_files": 100,
    "run_folders": 60,
    "servers": 40,
    "calls": 1000,
    "full_disk": 3,
    "killed": 14,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_a_part_of_each_count(name):
    command = [sys.executable, "-m", f"tests.fuzz.counts.{name}", str(COUNTS[name])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-1000:]
