"""Compares quantization after and during training: accuracy, agreement with the file, time.

    python benchmarks/qat.py --doc docs/measurements/quantization.md
    python benchmarks/qat.py mobilenet_v2 resnet50 --seeds 3

Data: scikit-learn's 1,797 digits, enlarged to the size that a network takes. Half of them are held out, the others are
used in four positions each. Each network is trained in float32, quantized after training (scheme int8, 200 calibration
pictures), and trained further by each method from the same float32 weights. Agreement is the fraction of pictures for
which the `.tflite` file and the fake-quantized model have the same top class. Finished rows are kept in the folder and
not measured again, so the script can be stopped and resumed.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from sections import write_section
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_cnns
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tflite import export, predict
from keras_cnns.tflite.aware import api
from keras_cnns.tflite.aware import convert as aware_convert

# name: pixels a side, epochs in float32, and the columns that make it small enough for a CPU
NETWORKS = {
    "mobilenet_v1": (32, 12, {"width": 0.5}),
    "mobilenet_v2": (32, 12, {"width": 0.5}),
    "mobilenet_v3_small": (32, 12, {}),
    "mobilenet_v3_large": (32, 12, {"width": 0.5}),
    "efficientnet_b0": (32, 12, {"width": 0.5, "drop_connect": 0.0}),
    "efficientnet_lite0": (32, 12, {"width": 0.5, "drop_connect": 0.0}),
    "resnet20_cifar": (32, 4, {}),
    "resnet50": (32, 6, {"widths": (16, 32, 64, 128)}),
    "resnet50_v2": (32, 6, {"widths": (16, 32, 64, 128)}),
    "densenet121": (32, 6, {"growth_rate": 12, "first": 24}),
    "inception_v3": (75, 3, {}),
}
BATCH, COPIES = 32, 4


def data(size):
    """(pictures 0 .. 255 [N, size, size, 3], labels [N]) to train on, and the same held out."""
    pictures, labels = load_digits(return_X_y=True)
    pictures = keras.ops.image.resize(pictures.reshape(-1, 8, 8, 1).astype("float32") * (255 / 16), (size, size))
    pictures = np.repeat(np.asarray(pictures), 3, axis=-1)
    x, held_out, y, truth = train_test_split(pictures, labels, test_size=0.5, random_state=0, stratify=labels)
    shifts = np.random.default_rng(0).integers(-size // 16, size // 16 + 1, (COPIES, len(x), 2))
    shifts[0] = 0
    moved = [np.roll(picture, shift, (0, 1)) for copy in shifts for picture, shift in zip(x, copy, strict=True)]
    return (np.stack(moved), np.tile(y, COPIES)), (held_out, truth)


def build(name):
    """The network for digits, pixels 0 .. 255 in, class scores out; its batch norm follows in tens of steps."""
    size, _, columns = NETWORKS[name]
    options = {"classes": 10, "include_preprocessing": True, "classifier_activation": None}
    model = keras_cnns.build(name, input_shape=(size, size, 3), **options, **columns)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # the networks' own is made for a million steps
    return model


def fit(model, library, pictures, labels, *, rate, epochs):
    """Adam with a cosine schedule, by Keras 3 or by tf_keras; returns the seconds, tracing included."""
    steps = epochs * -(-len(labels) // BATCH)
    optimizer = library.optimizers.Adam(library.optimizers.schedules.CosineDecay(rate, steps))
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    start = time.perf_counter()
    model.fit(pictures, labels, BATCH, epochs, verbose=0)
    return time.perf_counter() - start


def trained(name, folder, pictures, labels):
    """The network in float32, from the folder if it is there."""
    path = Path(folder, f"{name}.keras")
    if not path.exists():
        keras.utils.set_random_seed(0)
        model = build(name)
        fit(model, keras, pictures, labels, rate=3e-3, epochs=NETWORKS[name][1])
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    return keras.models.load_model(path)


def after_training(model, train, test, path):
    """Accuracy in float32, and of the int8 file made of the same weights."""
    (x, _), (held_out, labels) = train, test
    export(model, path, scheme="int8", calibration=x[:200], images=held_out[:100], force=True)
    floats, ours = model.predict(held_out, verbose=0), predict(path, held_out)
    return {"float32": accuracy(floats, labels), "int8": accuracy(ours, labels), "parameters": model.count_params()}


def while_training(model, train, test, path, *, method, seed, rate, epochs):
    """Accuracy of the fake-quantized model and of its file, how often they agree, and the seconds of training."""
    (x, y), (held_out, labels) = train, test
    keras.utils.set_random_seed(seed)
    aware = api.quantization_aware(model, method=method, pictures=x[:200])
    if method == "tfmot":
        from keras_cnns.tflite.aware import twin

        seconds = fit(aware, twin.tf_keras, x, y, rate=rate, epochs=epochs)
        path.write_bytes(aware_convert.convert(aware))
    else:
        seconds = fit(aware, keras, x, y, rate=rate, epochs=epochs)
        path.write_bytes(aware_convert.convert(aware))
    theirs, ours = aware.predict(held_out, verbose=0), predict(path, held_out)
    agreement = float(np.mean(theirs.argmax(1) == ours.argmax(1)))
    return {
        "fake": accuracy(theirs, labels),
        "int8": accuracy(ours, labels),
        "agreement": agreement,
        "seconds": seconds,
    }


def accuracy(scores, labels):
    return float(np.mean(scores.argmax(1) == labels))


def measure(name, folder, seeds, **budget):
    """Adds what is still missing of one network to the folder's rows."""
    file = Path(folder, "rows.json")
    rows = json.loads(file.read_text()) if file.exists() else {}
    jobs = {name: None} | {f"{name} {method} {seed}": (method, seed) for seed in range(seeds) for method in api.METHODS}
    missing = {key: job for key, job in jobs.items() if key not in rows}
    if not missing:
        return rows
    train, test = data(NETWORKS[name][0])
    model = trained(name, folder, *train)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "model.tflite")
        for key, job in missing.items():
            if job is None:
                row = after_training(model, train, test, path)
            else:
                row = while_training(model, train, test, path, method=job[0], seed=job[1], **budget)
            rows[key] = row
            write_json(file, rows)
            print(key, " ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
    return rows


def document(rows, seeds, epochs, rate):
    """The rows as a page."""
    columns = ["network", "pixels", "parameters", "float32", "int8 after training"]
    for method in api.METHODS:
        columns += [f"{method}: {figure}" for figure in ("int8", "agreement", "s")]
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    missing = [n for n in NETWORKS if any(f"{n} {m} {s}" not in rows for m in api.METHODS for s in range(seeds))]
    for name, (size, _, result) in NETWORKS.items():
        if name in missing:
            continue
        row, label = rows[name], ", ".join([f"`{name}`", *(f"{k} {v}" for k, v in result.items() if v)])
        cells = [label, size, f"{row['parameters']:,}", f"{row['float32']:.4f}", f"{row['int8']:.4f}"]
        for method in api.METHODS:
            runs = [rows[f"{name} {method} {seed}"] for seed in range(seeds)]
            cells.append(f"{np.mean([run['int8'] for run in runs]):.4f}")
            cells.append(f"{min(run['agreement'] for run in runs):.3f}")
            cells.append(f"{np.mean([run['seconds'] for run in runs]):.0f}")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return PAGE.format(table="\n".join(lines), seeds=seeds, epochs=epochs, rate=rate, step=1 / 899)


PAGE = """# Quantization after and during training

The table has the accuracy of the `.tflite` files on 899 held-out digits (one picture is {step:.4f}). The networks
were trained on the other 898 digits, each in four positions. All figures are means of {seeds} seed(s).

The columns:

- *int8 after training*: `export(model, path, scheme="int8", calibration=...)` with 200 pictures.
- *keras*, *tfmot*: the same float32 weights, trained further with `quantization_aware(model, method=...)`, in Keras 3
  or with tensorflow-model-optimization in tf_keras. Epochs: {epochs}; Adam from {rate:g} along a cosine.
- *agreement*: the fraction of pictures with the same top class in the file and the fake-quantized model; the lowest of
  the seeds.
- *s*: seconds of the further training on one CPU core, tracing included.

The default learning rate of 5e-5 was chosen on MobileNetV2 with these pictures (2e-4 lost 0.0044), which favours that
row a little. The rows were measured with an earlier version, in which ranges followed the batches faster (momentum
.98) and channels were not equalized.

Written by `python benchmarks/qat.py --seeds {seeds} --doc docs/measurements/quantization.md`.

{table}

[fine_tuned.md](fine_tuned.md) has a network with ImageNet weights, with and without fixed batch-norm statistics.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help="of those in the table above")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each method")
    parser.add_argument("--epochs", type=int, default=1, help="quantization-aware")
    parser.add_argument("--rate", type=float, default=5e-5, help="learning rate, quantization-aware")
    parser.add_argument("--folder", default="runs/qat", help="of the float32 networks and the rows")
    parser.add_argument("--doc", help="write the document here")
    flags = parser.parse_args()
    for name in flags.networks:
        rows = measure(name, flags.folder, flags.seeds, epochs=flags.epochs, rate=flags.rate)
    if flags.doc:
        write_section(flags.doc, None, document(rows, flags.seeds, flags.epochs, flags.rate))


if __name__ == "__main__":
    main()
