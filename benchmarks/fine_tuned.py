"""Measures a short training of a network with ImageNet weights, with fixed and with updated batch-norm statistics.

    python benchmarks/fine_tuned.py --weights efficientnet-lite0-57934424.pth --data-dir DIR \\
        --doc docs/measurements/fine_tuned.md

First the classifier is trained on the frozen features of a few pictures. Then the network is trained for one epoch with
int8's rounding, as in docs/guides/quantize.md. CIFAR-10 comes from DIR, where tensorflow-datasets keeps it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import keras
import numpy as np

import keras_cnns
from keras_cnns.data.pipeline import load_arrays
from keras_cnns.support.atomic_files import write_text
from keras_cnns.tflite import export, quantization_aware

BATCH = 32
PAGE = """# A short training of a network with ImageNet weights

`{name}` has its published ImageNet weights and a new classifier for {dataset}'s ten classes, at {size} pixels. The
classifier was trained on frozen features of {train:,} pictures and measured on {test:,} others (one picture is
{step:.4f}). Then followed one epoch of quantization-aware training on the same pictures, Adam at {rate:g}, batch
{batch}, seed 0. The columns have the
accuracy of the Keras model and of its `.tflite` file; *agreement* and *dB* compare the file with its model.

Written by `python benchmarks/fine_tuned.py --weights FILE --data-dir DIR --doc docs/measurements/fine_tuned.md`.

| | in Keras | int8 file | agreement | dB |
| --- | --- | --- | --- | --- |
{rows}

With the statistics of {batch} pictures, batch normalization computes something else than in the original training,
and one epoch is too short for the following layers to adapt. Therefore `quantization_aware` keeps the statistics
fixed, while gain and offset are trained. `hold_statistics=False` is for long training with large batches. The same is
true for training a full network in float32, for which `recipes/fine_tune.py` sets the field `hold_statistics`.
{more}"""


def with_classifier(flags, x, y):
    """The network in float32 with a classifier trained on its frozen features, twenty epochs; answers probabilities."""
    keras.utils.set_random_seed(0)
    options = {"input_shape": (flags.size, flags.size, 3), "classes": 10, "include_preprocessing": True}
    model = keras_cnns.build(flags.model, weights=flags.weights, classifier_activation="softmax", **options)
    last = model.get_layer("predictions")
    features = keras.Model(model.input, last.input).predict(x, verbose=0)
    head = keras.Sequential([keras.Input(features.shape[1:]), keras.layers.Dense(10, activation="softmax")])
    head.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    head.fit(features, y, BATCH, epochs=20, verbose=0)
    last.set_weights(head.get_weights())
    return model


def row(name, model, path, test, **options):
    """A line of the table: the model's accuracy, and that of the file."""
    x, y = test
    report = export(model, path, scheme="int8", images=x, labels=y, force=True, **options)
    theirs = float(np.mean(model.predict(x, verbose=0).argmax(1) == y))
    ours = report.comparisons[0].accuracy
    return [name, f"{theirs:.3f}", f"{ours:.3f}", f"{report.agreement:.3f}", f"{report.snr_db:.1f}"]


def measure(flags):
    """The table's lines."""
    options = {"size": flags.size, "data_dir": flags.data_dir}
    x, y, _ = load_arrays(flags.dataset, "train", limit=flags.train, **options)
    test = load_arrays(flags.dataset, "test", limit=flags.test, **options)[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.tflite")
        model = with_classifier(flags, x, y)
        yield row("as it is, quantized after training", model, path, test, calibration=x[:: len(x) // 200])
        for hold, name in ((True, "statistics held"), (False, "statistics of each batch")):
            keras.utils.set_random_seed(0)
            aware = quantization_aware(model, hold_statistics=hold)
            aware.compile(keras.optimizers.Adam(flags.rate), "sparse_categorical_crossentropy", jit_compile=False)
            aware.fit(x, y, BATCH, epochs=1, verbose=0)
            yield row(f"one epoch, {name}", aware, path, test)


def given(parser, size):
    """The flags for a network with its weights, and for the pictures it is tried on."""
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--weights", required=True, help="a file of its ImageNet weights")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", help="where tensorflow-datasets keeps its files")
    parser.add_argument("--size", type=int, default=size)
    parser.add_argument("--test", type=int, default=1000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given(parser, size=96)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=1e-5)
    parser.add_argument("--more", help="a Markdown file to end the page with")
    parser.add_argument("--doc", help="write the document here")
    flags = parser.parse_args()
    rows = []
    for line in measure(flags):
        rows.append(line)
        print(json.dumps(line), flush=True)
    if flags.doc:
        known = {
            "name": flags.model,
            "size": flags.size,
            "dataset": {"cifar10": "CIFAR-10"}.get(flags.dataset, flags.dataset),
            "train": flags.train,
        }
        known |= {"test": flags.test, "step": 1 / flags.test, "rate": flags.rate, "batch": BATCH}
        more = "\n" + Path(flags.more).read_text() if flags.more else ""
        write_text(flags.doc, PAGE.format(rows="\n".join(f"| {' | '.join(r)} |" for r in rows), more=more, **known))


if __name__ == "__main__":
    main()
