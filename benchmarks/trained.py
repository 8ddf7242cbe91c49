"""Measures trained networks before and after quantization: accuracy over the whole test set, with its interval.

    python benchmarks/trained.py runs/published/resnet8_cifar-0 runs/published/simple_cnn-0 --data-dir FOLDER \\
        --doc docs/measurements/quantization.md --phone docs/measurements/phone.md

Each folder is a finished run of a recipe. Its network is quantized after training (200 pictures of the training
split) and trained further by each method of `quantization_aware`, on the data set and with the augmentation of its
recipe. Finished rows are kept in runs/trained/rows.json and not measured again.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from sections import write_section

import keras_cnns
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tflite import benchmark, export, predict, quantization_aware
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.verify.measures import paired_drop

TO_CALIBRATE, BATCH = 200, 64
AFTER = ("int8", "weight_only_int8", "weight_only_mixed")
WHILE = ("keras", "tfmot")
MARK = "trained networks"


class Run:
    """A finished run: its network and the pictures that its recipe trains and tests on."""

    def __init__(self, folder, data_dir):
        files = [Path(folder, name) for name in ("model.keras", "best.keras")]
        self.name, self.recipe = Path(folder).name, json.loads(Path(folder, "recipe.json").read_text())
        self.model = load_model(next(file for file in files if file.is_file()))
        self.view = {
            "size": self.model.input_shape[1:3],
            "channels": self.model.input_shape[3],
            "data_dir": data_dir,
        }

    def pictures(self, split, limit=None):
        images, labels, _ = keras_cnns.data.load_arrays(self.recipe["dataset"], split, limit=limit, **self.view)
        return images.astype("float32"), labels

    def batches(self, steps):
        data = keras_cnns.data.load(
            self.recipe["dataset"], batch_size=BATCH, split="train", augment=self.recipe["augment"], **self.view
        )
        return data.dataset.take(steps)

    def answered(self, images, labels):
        """The pictures, and what the network answers to them in floats, as probabilities, in place of the labels."""
        answers = self.model(images, training=False)
        softmax = self.model.layers[-1].get_config().get("activation") == "softmax"
        return images, answers if softmax else keras.ops.softmax(answers)


def trained_on(run, method, seen, path, *, steps, rate):
    """Writes the file of the network trained further with int8's rounding, to answer as it does in floats."""
    keras.utils.set_random_seed(0)
    model = quantization_aware(run.model, method=method, pictures=seen)
    library = keras
    if method == "tfmot":
        from keras_cnns.tflite.aware.twin import tf_keras as library
    schedule = library.optimizers.schedules.CosineDecay(rate, steps)
    logits = run.model.layers[-1].get_config().get("activation") != "softmax"
    loss = library.losses.CategoricalCrossentropy(from_logits=logits)
    model.compile(library.optimizers.Adam(schedule), loss, jit_compile=False)
    model.fit(run.batches(steps).map(run.answered), epochs=1, steps_per_epoch=steps, verbose=0)
    path.write_bytes(aware.convert(model))


def measure(run, rows, file, ways, *, steps, rate):
    """Adds what is missing of one run to the rows, each written down at once."""
    missing = [what for what in ways if f"{run.name}: {what}" not in rows]
    if not missing:
        return
    seen, (unseen, labels) = run.pictures("train", TO_CALIBRATE)[0], run.pictures("test")
    before = np.asarray(run.model.predict(unseen, verbose=0)).argmax(-1) == labels
    with tempfile.TemporaryDirectory() as folder:
        plain, path = Path(folder, "float32.tflite"), Path(folder, "net.tflite")
        export(run.model, plain, images=unseen[:100])
        for what in missing:
            started = time.perf_counter()
            if what in WHILE:
                trained_on(run, what, seen, path, steps=steps, rate=rate)
            else:
                options = {} if what == "float32" else {"calibration": seen}
                export(run.model, path, scheme=what, images=unseen[:500], force=True, **options)
            seconds = time.perf_counter() - started
            after = np.asarray(predict(path, unseen)).argmax(-1) == labels
            drop, low, high = paired_drop(before, after)
            _, timing = benchmark([plain, path], threads=(1,), seconds=3)
            rows[f"{run.name}: {what}"] = {
                "parameters": run.model.count_params(),
                "pixels": run.view["size"][0],
                "pictures": len(labels),
                "accuracy": float(after.mean()),
                "change": [float(-v) for v in (drop, high, low)],
                "bytes": path.stat().st_size,
                "size": path.stat().st_size / plain.stat().st_size,
                "ms": timing.median_ms,
                "time": timing.ratio,
                "seconds": seconds,
            }
            write_json(file, rows)
            print(run.name, what, rows[f"{run.name}: {what}"], flush=True)


def table(rows):
    """Accuracy in float32, and what each way changes of it."""
    ways = (*AFTER, *WHILE)
    head = ["network", "pixels", "pictures", "float32", *AFTER, *(f"trained further, {way}" for way in WHILE)]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for name in _runs(rows):
        plain = rows[f"{name}: float32"]
        result = [rows.get(f"{name}: {way}") for way in ways]
        cells = [f"`{name}`", plain["pixels"], f"{plain['pictures']:,}", _share(plain["accuracy"], plain["pictures"])]
        cells += ["" if row is None else _change(row["change"]) for row in result]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def phone_table(rows):
    """Accuracy, size and time of each file."""
    head = ["network", "file", "accuracy", "change", "size", "time"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for name in _runs(rows):
        for way in ("float32", *AFTER):
            row = rows.get(f"{name}: {way}")
            if row is None:
                continue
            cells = [f"`{name}`", way, f"{row['accuracy']:.4f}"]
            if way == "float32":
                cells += ["", f"{row['bytes'] / 1e6:.2f} MB", f"{row['ms']:.2f} ms"]
            else:
                cells += [_change(row["change"]), f"{row['size']:.2f}", f"{row['time']:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _runs(rows):
    return dict.fromkeys(key.split(": ")[0] for key in rows if key.endswith(": float32"))


def _share(accuracy, count):
    return f"{accuracy:.4f} ± {1.96 * np.sqrt(accuracy * (1 - accuracy) / count):.4f}"


def _change(change):
    middle, low, high = (round(100 * value, 2) + 0.0 for value in change)
    return f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"


PAGE = """## Trained networks, over their whole test sets

Networks trained by their recipes on the published data sets ([published.md](published.md)).

- *float32*: accuracy of the float32 file, and half its 95 % interval.
- The other columns: change of the accuracy in percentage points, and the 95 % interval of the change, computed from the
  pictures that only one of the two files classifies correctly.
- After training: 200 calibration pictures of the training split.
- Trained further: `quantization_aware(..., pictures=...)` with these pictures, then {steps} steps of {batch} pictures,
  Adam from {rate:g} along a cosine, with the recipe's augmentation, seed 0. The targets are the float32 network's own
  outputs instead of the labels (`data.map(lambda x, y: (x, model(x, training=False)))` with
  `categorical_crossentropy`).

Empty cells are not measured yet.

These settings were chosen on the last 10,000 pictures of the training split, which were left out of the further
training of `mobilenet_v3_small-0`. They were not chosen on the test pictures, but two test results drew attention to
the ranges. The table has the rise of the cross entropy over that of the float32 network, ± half its 95 % interval.
The network was trained on these pictures, which favours settings that change it little.

| | not trained further | 200 steps on labels | on its own answers |
| --- | --- | --- | --- |
| in floats | | .0066 ± .0020 | |
| int8 | .0149 ± .0035 | .0161 ± .0039 | |
| int8, channels of like ranges | .0020 ± .0017 | .0092 ± .0026 | .0027 ± .0018 |

Most of the loss came from 16 channels after the first hard-swish, whose ranges differ by up to a factor of 27: .0081
on 4,000 of these pictures, with nothing else rounded. `quantization_aware` now equalizes the ranges of the channels
that a depthwise convolution reads. Training on labels makes the float32 network worse too; training on its own
outputs hardly changes it. Ranges that follow the batches quickly drift away from the calibrated ones, because padding
gives augmented pictures black borders. They now move by a thousandth in each step if they were calibrated, otherwise
by a fiftieth.

`int8` after training equalizes channels too, where their ranges differ so much that the rounding error of the tensor
falls to a quarter or less. Two networks that were trained for a few minutes have no such channels: in
MobileNetV3-Large, width 0.5, on cards (`python recipes/mobilenet_v3_cards.py`) the largest and smallest range in
front of a depthwise convolution differ by a factor of 2.0 at most, and in MobileNetV3-Small on digits by 1.2.
Equalizing for any gain above 1.5 changed the int8 file of the former from 20.9 to 20.8 dB (600 cards, 200 for
calibration), and made it larger. Their error comes from elsewhere. The gain on `mobilenet_v3_small-0` after training
has not been measured again.

`mobilenet_v3_small-0` was measured on its test pictures several times while the settings changed: -0.01, -0.19 and
-0.26 with keras before the -0.11 of the table, and twice -0.09 with tfmot. A single figure is no more certain than
that.

Written by `python benchmarks/trained.py`; its docstring has the commands.

{table}
"""
PHONE = """## Trained networks

The table has the accuracy over the whole test set, and its change by each scheme in percentage points with the 95 %
interval. Sizes and times are fractions of the float32 file's. The files took turns on one thread, while other work
ran on the two cores. [quantization.md](quantization.md) says how the files were made.

Written by `python benchmarks/trained.py`; its docstring has the commands.

{table}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", help="folders of finished runs")
    every = ("float32", *AFTER, *WHILE)
    parser.add_argument("--ways", nargs="+", choices=every, default=every, help="only these")
    parser.add_argument("--steps", type=int, default=200, help="of quantization-aware training")
    parser.add_argument("--rate", type=float, default=5e-5, help="learning rate, quantization-aware")
    parser.add_argument("--data-dir")
    parser.add_argument("--doc", help="put the table of accuracies here")
    parser.add_argument("--phone", help="put the table of sizes and times here")
    parser.add_argument("--out", default="runs/trained")
    flags = parser.parse_args()
    file = Path(flags.out, "rows.json")
    rows = json.loads(file.read_text()) if file.exists() else {}
    for folder in flags.runs:
        measure(Run(folder, flags.data_dir), rows, file, flags.ways, steps=flags.steps, rate=flags.rate)
    if flags.doc:
        text = PAGE.format(table=table(rows), steps=flags.steps, batch=BATCH, rate=flags.rate)
        write_section(flags.doc, MARK, text)
    if flags.phone:
        write_section(flags.phone, MARK, PHONE.format(table=phone_table(rows)))
    print(table(rows))


if __name__ == "__main__":
    main()
