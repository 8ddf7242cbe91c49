"""The benchmark over adb, against a stand-in `adb` that writes down its calls and answers as a phone would."""

import stat
import sys

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.verify.phone import FOLDER, benchmark_on_phone, parse

PRINTED = """INFO: Initialized TensorFlow Lite runtime.
Running benchmark for at least 50 iterations
count=50 first=5120 curr=4980 min=4901 max=5300 avg={us} std=55
Inference timings in us: Init: 12034, First inference: 6001, Warmup (avg): 5100.2, Inference (avg): {us}
Memory footprint delta from the start of the tool (MB): init=3.1 overall=9.75
"""

SLOW = PRINTED.format(us="5000.5")

STAND_IN = """#!{python}
import json, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
if words[0] == "devices":
    print("List of devices attached")
    print({devices!r})
elif "push" in words and {push_fails}:
    print("adb: error: failed to copy: remote No space left on device", file=sys.stderr)
    sys.exit(1)
elif "shell" in words:
    line = words[-1]
    if line.startswith("getprop"):
        print("Pixel 8")
    elif line.startswith("test -x"):
        print({tool_there!r})
    elif "--graph=" in line:
        print({slow!r} if "float32" in line else {fast!r})
"""


@pytest.fixture
def phone(tmp_path):
    """Makes the stand-in; returns the arguments for it and the calls it has seen."""
    log = tmp_path / "calls.txt"
    for name in ("float32.tflite", "it's int8.tflite", "benchmark_model"):
        (tmp_path / name).write_bytes(b"something")

    def make(devices="8A1X0000\tdevice", tool_there="yes", push_fails=False, slow=SLOW):
        path = tmp_path / "adb"
        path.write_text(
            STAND_IN.format(
                python=sys.executable,
                log=str(log),
                devices=devices,
                tool_there=tool_there,
                push_fails=push_fails,
                slow=slow,
                fast=PRINTED.format(us="2.5e+03"),
            )
        )
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        return str(path)

    def calls():
        import json

        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return make, calls, [tmp_path / "float32.tflite", tmp_path / "it's int8.tflite"]


def test_files_take_turns_on_the_phone(phone, tmp_path):
    make, calls, files = phone
    tool = tmp_path / "benchmark_model"
    rows = benchmark_on_phone(files, adb=make(), tool=tool, threads=(1, 4), rounds=2, runs=20, delegate="gpu")
    assert [(row.threads, row.median_ms, row.ratio) for row in rows] == [
        (1, 5.0005, 1.0),
        (1, 2.5, 2.5 / 5.0005),
        (4, 5.0005, 1.0),
        (4, 2.5, 2.5 / 5.0005),
    ]
    assert rows[0].phone == "Pixel 8" and rows[0].peak_mb == 9.75
    runs = [words[-1] for words in calls() if "--graph=" in words[-1]]
    assert len(runs) == 8 and ["float32" in run for run in runs] == [True, False] * 4
    assert "--num_threads=1" in runs[0] and "--num_threads=4" in runs[-1] and "--use_gpu=true" in runs[0]
    assert "--num_runs=20" in runs[0]
    pushed = [words[-1] for words in calls() if "push" in words]
    assert pushed == [f"{FOLDER}/benchmark_model", f"{FOLDER}/0_float32.tflite", f"{FOLDER}/1_it's int8.tflite"]
    assert calls()[-1][-1].startswith("rm -f") and "'\"'\"'" in calls()[-1][-1]  # nothing is left, names are quoted
    assert all(words[:2] == ["-s", "8A1X0000"] for words in calls()[1:])


@pytest.mark.parametrize(
    ("situation", "options", "message"),
    [
        ({"devices": ""}, {}, "sees none.*plug it in"),
        ({"devices": "8A1X0000\tunauthorized"}, {}, "8A1X0000 is unauthorized.*allow USB debugging"),
        ({"devices": "one\tdevice\ntwo\tdevice"}, {}, "2 phones .one, two."),
        ({}, {"serial": "other"}, "no phone other"),
        ({"tool_there": "no"}, {}, "has no benchmark_model yet"),
        ({"push_fails": True}, {}, "No space left"),
        ({"slow": "ERROR: Failed to allocate tensors!"}, {}, "no timings: ERROR: Failed to allocate"),
        ({}, {"delegate": "npu"}, "no delegate"),
    ],
)
def test_what_can_be_wrong_with_a_phone(situation, options, message, phone):
    make, _, files = phone
    with pytest.raises(UserError, match=message) as caught:
        benchmark_on_phone(files, adb=make(**situation), **options)
    assert "\n" not in str(caught.value)


def test_no_adb_at_all(phone, tmp_path):
    with pytest.raises(UserError, match="platform tools"):
        benchmark_on_phone(phone[2], adb=str(tmp_path / "no-adb"))


def test_the_files_are_removed_after_a_failure(phone):
    make, calls, files = phone
    with pytest.raises(UserError):
        benchmark_on_phone(files, adb=make(slow=""))
    assert calls()[-1][-1].startswith("rm -f")


def test_older_tools_print_less():
    assert parse("count=50 first=1 curr=1 min=1 max=1 avg=1234 std=1") == (1.234, None)


def test_the_command_shows_a_table_of_the_phone(phone, capsys, monkeypatch):
    """Its rows are those of a phone, which have other columns than those of this host."""
    from keras_cnns.cli.benchmark import benchmark

    make, _, files = phone
    folder = str(files[0].parent)
    assert make().startswith(folder)
    monkeypatch.setenv("PATH", folder, prepend=":")
    benchmark(tuple(map(str, files)), adb=True, threads=(1,))
    lines = capsys.readouterr().out
    assert "Pixel 8" in lines and "float32.tflite" in lines and "0.50" in lines
