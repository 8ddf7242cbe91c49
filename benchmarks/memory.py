"""How much memory an export takes, beside TensorFlow's own converter: peaks of whole processes.

    python benchmarks/memory.py [mobilenet_v2 resnet50 vgg19 ...] [--schemes float32 int8]

Each row is two processes, one for each way: it builds the network with random weights, notes the memory it holds, and
exports. The growth is the highest memory of the process after that, less what it held, in GB and as a multiple of the
weights. The process that runs the finished file is not counted. Processor seconds count both. As in
`keras-cnns export`, TensorFlow returns the memory of deleted tensors, for both ways.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_cnns.support.streams import RETURNS_MEMORY

PICTURES = 32


def _status(key):
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1e6


def measured(name, scheme, way):
    """What one process takes: a dict of GB and seconds of processor time. Runs in a process of its own."""
    import time

    import numpy as np
    import tensorflow as tf

    import keras_cnns
    from keras_cnns import tflite

    model = keras_cnns.build(name)
    shape = model.input_shape[1:]
    pictures = np.random.default_rng(0).random((PICTURES, *shape), np.float32)
    model(pictures[:1])
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, began = _status("VmRSS"), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.tflite")
        if way == "ours":
            tflite.export(model, path, scheme=scheme, calibration=pictures, force=True)
        else:
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            if scheme != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if scheme == "int8":
                converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
            path.write_bytes(converter.convert())
    growth, own = _status("VmHWM") - before, time.process_time() - began
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "weights": sum(np.prod(v.shape) for v in model.variables) * 4e-9,
        "built": before,
        "growth": growth,
        "own": own,
        "verification": children.ru_utime + children.ru_stime,
        "parameters": model.count_params(),
        "macs": keras_cnns.profile(model).macs,
    }


def measured_apart(name, scheme, way):
    """`measured` in a process of its own; {"error": its last line} if it fails."""
    command = [sys.executable, __file__, "--one", name, scheme, way]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, RETURNS_MEMORY: "1"})
    if answer.returncode:
        return {"error": (answer.stderr.strip().splitlines() or [f"exit {answer.returncode}"])[-1][:200]}
    return json.loads(answer.stdout.splitlines()[-1])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["mobilenet_v2", "resnet50"])
    parser.add_argument("--schemes", nargs="+", default=["float32", "int8"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measured(*options.one)))
        return 0
    table = Table("", "weights, GB", "", "growth, GB", "times the weights", "processor, s")
    for name in options.names:
        for scheme in options.schemes:
            for way in ("ours", "stock"):
                row = measured_apart(name, scheme, way)
                if "error" in row:
                    table.add_row(f"{name} {scheme}", "", way, f"failed: {row['error'][:60]}")
                    continue
                times = f"{row['growth'] / row['weights']:.1f}"
                seconds = f"{row['own'] + row['verification']:.0f}"
                cells = (f"{row['weights']:.3f}", way, f"{row['growth']:.2f}", times, seconds)
                table.add_row(f"{name} {scheme}", *cells)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
