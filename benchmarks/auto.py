"""How much processor time `scheme="auto"` takes, as a multiple of one int8 export of the same network.

    python benchmarks/auto.py [mobilenet_v2 ...] [--size 224] [--max-drop 0.01]

The weights are calibrated as in `benchmarks/export.py`: with random weights int8 would fail, and `auto` would try
everything. Each export is a process of its own that loads the network from a file first, which is not counted.
Processor seconds include the process that runs the finished files. As in `keras-cnns export`, TensorFlow returns the
memory of deleted tensors.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_cnns.support.streams import RETURNS_MEMORY

PICTURES = 100  # for calibration, and as many others to compare the files on


def save_calibrated(name, size, folder):
    """Writes the network `name` with calibrated weights, and its pictures, to `folder`."""
    import numpy as np

    from keras_cnns.maintenance.calibrated import build_calibrated, pictures, shape_at

    shape = shape_at(name, size)
    images, labels = pictures(PICTURES, shape, seed=1)
    build_calibrated(name, size, images, labels).save(folder / "model.keras")
    others, other_labels = pictures(PICTURES, shape, seed=2)
    np.savez(folder / "pictures.npz", calibration=images, images=others, labels=other_labels)


def measured(folder, scheme, max_drop):
    """What one export takes: a dict. Runs in a process of its own."""
    import numpy as np

    import keras_cnns
    from keras_cnns import tflite

    model = keras_cnns.load_model(folder / "model.keras")
    with np.load(folder / "pictures.npz") as arrays:
        pictures = dict(arrays)
    began = time.process_time()
    limits = {"max_drop": max_drop} if scheme == "auto" else {}
    report = tflite.export(model, folder / "file.tflite", scheme=scheme, force=True, **pictures, **limits)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.process_time() - began,
        "children": children.ru_utime + children.ru_stime,
        "candidates": sum(candidate.size_bytes is not None for candidate in report.candidates) or 1,
        "scheme": report.scheme,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["mobilenet_v2"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--max-drop", type=float, default=0.01)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        folder, scheme = options.one
        print(json.dumps(measured(Path(folder), scheme, options.max_drop)))
        return 0
    table = Table("", "scheme", "processor, s", "of int8", "of it in LiteRT", "files", "chosen")
    environment = {**os.environ, RETURNS_MEMORY: "1"}
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            save_calibrated(name, options.size, Path(folder))
            base = None
            for scheme in ("int8", "auto"):
                command = [sys.executable, __file__, "--one", folder, scheme, "--max-drop", str(options.max_drop)]
                answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
                row = json.loads(answer.stdout.splitlines()[-1])
                seconds = row["seconds"] + row["children"]
                base = base or seconds
                cells = (f"{seconds:.0f}", f"{seconds / base:.1f}", f"{row['children']:.0f}")
                table.add_row(name, scheme, *cells, str(row["candidates"]), row["scheme"])
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
