"""What the commands take that work on a `.tflite` file, beside ten lines of LiteRT: whole processes, in turns.

    python benchmarks/startup.py FILE.tflite PICTURE.jpg [--runs 15] [--tree FOLDER]

The script reads the picture with Pillow, runs the file in LiteRT and prints five classes; `keras-cnns predict` does the
same and more. Figures are multiples of the script's in the same round: the median, with the first and last quartile.
LiteRT runs in a child process. On a machine with an idle core it starts while the command's own process does, so the
processor time of the latter is close to the least wall time; processor time counts both. The peak is the sum
over both. `--tree` measures another checkout of this package in the same rounds. Only Linux has these figures.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

SCRIPT = """
import sys
import numpy as np
from PIL import Image
from ai_edge_litert.interpreter import Interpreter
net = Interpreter(sys.argv[1], num_threads=1)
net.allocate_tensors()
before, after = net.get_input_details()[0], net.get_output_details()[0]
picture = Image.open(sys.argv[2]).convert("RGB").resize(before["shape"][2:0:-1])
net.set_tensor(before["index"], np.asarray(picture, before["dtype"])[None])
net.invoke()
scores = net.get_tensor(after["index"])[0]
print(*((n, scores[n]) for n in scores.argsort()[:-6:-1]))
"""
SCRIPT_NAME = "LiteRT, ten lines"
COMMAND = [sys.executable, "-c", "from keras_cnns.cli.commands import main; main()"]


def commands(file, picture):
    """{what is run: its words}."""
    return {
        SCRIPT_NAME: [sys.executable, "-c", SCRIPT, file, picture],
        "keras-cnns predict": [*COMMAND, "predict", picture, "--model", file],
        "keras-cnns show": [*COMMAND, "show", file],
        "keras-cnns check": [*COMMAND, "check", file],
        "keras_cnns.tflite.predict": [
            *(sys.executable, "-c"),
            "import sys, numpy, keras_cnns.tflite.targets.runner as r, keras_cnns.inference.pictures as p\n"
            "with r.Session(sys.argv[1]) as s:\n"
            "    shape = next(iter(s.signature()['inputs'].values()))[1:]\n"
            "    print(s.run(p.read_picture(sys.argv[2], shape)[None])[0].argsort()[:-6:-1])",
            *(file, picture),
        ],
    }


def run_once(words, tree):
    """What one process takes: wall time, processor time of it and its children and of it alone, in s; peak in MB."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**environment, "PYTHONPATH": str(tree)}
    )
    most = 0
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        most = max(most, sum(map(_peak, _family(process.pid))))
        time.sleep(0.002)
    wall = time.perf_counter() - began
    own = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words[2:])[:80]} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, own, most / 1e3


def _family(number):
    try:
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    except OSError:
        children = []
    return [number, *(n for child in children for n in _family(child))]


def _peak(number):
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmHWM:")[1].split()[0]) if "VmHWM" in status else 0


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("picture")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--tree", help="another checkout of this package")
    options = parser.parse_args(arguments)
    here = Path(__file__).resolve().parents[1]
    names = commands(options.file, options.picture)
    ways = {name: (words, here) for name, words in names.items()}
    if options.tree:
        ways |= {f"{name}, {options.tree}": (names[name], options.tree) for name in names if name != SCRIPT_NAME}
    rows = {name: [] for name in ways}
    for turn in range(options.runs + 1):
        for name, (words, tree) in ways.items():
            row = run_once(words, tree)
            if turn:  # the first fills the page cache and writes the compiled modules
                rows[name].append(row)
    table = Table("", "processor time", "of the command's own process", "wall time", "peak, MB")
    for name, measured in rows.items():
        wall, both, own = (_ratios(rows, name, column) for column in range(3))
        table.add_row(name, both, own, wall, f"{max(row[3] for row in measured):.0f}")
    Console().print(table)
    return 0


def _ratios(rows, name, column):
    """The median and the quartiles of a figure over the script's in the same round."""
    ratios = [row[column] / base[column] for row, base in zip(rows[name], rows[SCRIPT_NAME], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
