"""Measures what it costs in int8 if bytes of a picture lie half-way between two steps of the input.

    python benchmarks/half_steps.py --weights efficientnet-lite0-57934424.pth --data-dir FOLDER \\
        --doc docs/measurements/quantization.md

EfficientNet-Lite0 with its published weights takes pixels from -1 to 1. With the range (-1, 1) every byte lies half-way
between two integers; with the wider range that `export` chooses, none does. CIFAR-10's pictures, enlarged, are scaled
by x / 127.5 - 1, by (x - 127.5) / 127.5, and by MediaPipe.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sections import write_section

import keras_cnns
from keras_cnns.tflite import Exporter, Tuning
from keras_cnns.tflite.file.metadata import normalization
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.quantize import ranges
from keras_cnns.tflite.quantize.settings import FileSettings
from keras_cnns.tflite.settings import Description
from keras_cnns.tflite.targets import table

MARK = "half-way steps"
TO_CALIBRATE = 32
WIDENED = ranges.between_steps


def scaled(pixels):
    return (pixels / 127.5 - 1).astype("float32")


def centred(pixels):
    return ((pixels - 127.5) / 127.5).astype("float32")


def rows(model, seen, unseen, folder):
    """(range, runtime and scaling, comparison with the Keras model, share of other classes than LiteRT's first)."""
    description = Description(normalization=normalization(-1, 1))
    for name, between_steps in (("-1 to 1", lambda values, low, high: (low, high)), ("wider", WIDENED)):
        ranges.between_steps = between_steps
        exporter = Exporter(model, calibration=scaled(seen), images=scaled(unseen), description=description)
        path = Path(folder, "int8.tflite")
        exporter.export(path, "int8", FileSettings(tuning=Tuning.plain()), force=True)
        file, first = read_contents(path), None
        runs = (("litert", "x / 127.5 - 1", scaled), ("litert", "(x - 127.5) / 127.5", centred))
        for target, formula, scale in (*runs, ("mediapipe", "its own", scaled)):
            outputs = table.find(target).run(file, {next(iter(file.inputs)): scale(unseen)})
            (comparison,) = exporter.original.compare(outputs.arrays, outputs.scales)
            classes = next(iter(outputs.arrays.values())).argmax(-1)
            first = classes if first is None else first
            yield name, f"{target}, {formula}", comparison, float((classes != first).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data-dir", required=True, help="of CIFAR-10, in the format of tensorflow-datasets")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--doc", help="write the section of this page")
    flags = parser.parse_args()
    model = keras_cnns.build("efficientnet_lite0", weights=flags.weights, include_preprocessing=False)
    view = {"size": (224, 224), "channels": 3, "data_dir": flags.data_dir}
    load = keras_cnns.data.load_arrays
    counts = {"train": TO_CALIBRATE, "test": flags.count}
    seen, unseen = (np.rint(load("cifar10", split, limit=n, **view)[0]) for split, n in counts.items())
    lines = ["| range | runtime, scaling | dB | agreement | expected accuracy loss | other class |", "| --- " * 6 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        for name, run, c, other in rows(model, seen, unseen, folder):
            lines.append(
                f"| {name} | {run} | {c.snr_db:.1f} | {c.agreement:.3f} | {c.expected_loss:.4f} | {other:.3f} |"
            )
            print(lines[-1], flush=True)
    if flags.doc:
        write_section(flags.doc, MARK, TEXT.format(count=flags.count, table="\n".join(lines)))


TEXT = """## Inputs half-way between two steps

EfficientNet-Lite0 with its published weights, int8 with float32 inputs, `Tuning.plain()`, {count} pictures of
CIFAR-10 enlarged to 224 pixels. In the range -1 to 1 every byte of a picture lies half-way between two integers, and
how the app computes the input decides the rounding. `export` widens the range by a 254th. *Other class*: share of
pictures with another class than in the first row of the same range. Written by `python benchmarks/half_steps.py`.

{table}
"""


if __name__ == "__main__":
    main()
