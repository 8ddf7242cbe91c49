"""The command where a standard stream is closed, full or not read to its end: a line and a status, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from keras_cnns.cli.commands import main; main()"]


def shell(line):
    """Status, standard output and standard error of a shell's line in which $K is the command."""
    words = " ".join(f"'{word}'" for word in COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["bash", "-c", f'K() {{ {words} "$@"; }}; {line}'], env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", ["list", "list --json", "list lenet5"])
def test_a_full_disk_behind_the_output_is_one_line(words):
    status, _, err = shell(f"K {words} > /dev/full")
    assert status == 2 and err == "error: No space left on device\n"


@pytest.mark.parametrize("words", ["list >&-", "list lenet5 --json >&-", "list lenet5 <&-", "list lenet5 2>&-"])
def test_a_closed_stream_is_ignored(words):
    status, _, err = shell(f"K {words}")
    assert status == 0 and not err


def test_a_mistake_keeps_its_status_where_nobody_listens():
    assert shell("K list nope 2>&- >&-")[0] == 2


def test_a_file_opened_later_does_not_take_the_place_of_a_closed_stream():
    code = "import os; from keras_cnns.support.streams import open_missing_streams; open_missing_streams(); "
    code += "print(os.open(os.devnull, os.O_RDONLY) > 2)"
    for closed in ("2>&-", "<&-", "2>&- <&-"):
        assert shell(f"{sys.executable} -c '{code}' {closed}")[1] == "True\n"


def test_a_reader_that_has_seen_enough_is_no_error():
    assert shell("(K list --json; echo $? >&2) | head -c 1") == (0, "[", "0\n")


@pytest.mark.parametrize("name", [f"{'a' * 300}.tflite", f"{'a/' * 3000}b.tflite", "a" * 256])
def test_a_name_too_long_for_a_file_is_one_line(name):
    status, _, err = shell(f"K benchmark {name}")
    assert status == 2 and err.count("\n") == 1 and "too long" in err


def test_brackets_and_colons_in_a_name_are_shown_as_they_are():
    code = (
        "from keras_cnns.support.console import show, table_of\n"
        "t = table_of('picture'); [t.add_row(n) for n in ('[bold]a.png', '[/x].png', ':smile:.png')]; show(t)"
    )
    out = shell(f'{sys.executable} -c "{code}"')[1]
    assert all(name in out for name in ("[bold]a.png", "[/x].png", ":smile:.png"))


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_names_that_the_output_cannot_hold_are_escaped(encoding, tmp_path):
    """A name in Latin-1 on a system with UTF-8, and a Polish one on a terminal of Western Europe."""
    folder = tmp_path / os.fsdecode(b"pictures\xe9") / "\u0142"
    folder.mkdir(parents=True)
    code = (
        "import os, sys; from keras_cnns.cli import commands\n"
        "commands.run = lambda words: print(os.listdir(words[0])) or print(words[0])\n"
        "commands.main()"
    )
    status, out, err = shell(f"PYTHONIOENCODING={encoding} {sys.executable} -c '{code}' '{folder.parent}'")
    assert status == 0 and not err and out.endswith("pictures\\udce9\n")


def test_json_is_whole():
    assert len(json.loads(shell("K list --json")[1])) > 100
