"""How long the commands take that work on a `.tflite` file, beside ten lines of LiteRT: whole processes, in turns.

    python benchmarks/startup.py FILE.tflite PICTURE.jpg [--runs 15]

The script reads the picture with Pillow, runs the file in LiteRT and prints five classes; `keras-cnns predict` does the
same and more. Times are medians, with the first and the last quartile. The peak is the sum over a command and its
child process, since LiteRT runs in one of its own.
"""

import argparse
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
COMMAND = [sys.executable, "-c", "from keras_cnns.cli.commands import main; main()"]


def commands(file, picture):
    """{what is run: its words}."""
    return {
        "LiteRT, ten lines": [sys.executable, "-c", SCRIPT, file, picture],
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


def run_once(words):
    """(seconds, the highest memory of the process and its children together in MB)."""
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_peak, _family(process.pid))))
        time.sleep(0.002)
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(words[2:])[:80]} ended with {process.returncode}")
    return seconds, most / 1e3


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
    options = parser.parse_args(arguments)
    ways = commands(options.file, options.picture)
    rows = {name: [] for name in ways}
    for turn in range(options.runs + 1):
        for name, words in ways.items():
            row = run_once(words)
            if turn:  # the first fills the page cache
                rows[name].append(row)
    table = Table("", "wall time, times the script's", "peak, MB")
    base = statistics.median(seconds for seconds, _ in rows["LiteRT, ten lines"])
    for name, measured in rows.items():
        low, middle, high = (q / base for q in statistics.quantiles((seconds for seconds, _ in measured), n=4))
        table.add_row(name, f"{middle:.2f} ({low:.2f} to {high:.2f})", f"{max(peak for _, peak in measured):.0f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
