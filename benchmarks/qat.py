"""Quantization-aware training by both methods on the same networks and data: accuracy, agreement with the file, time.

    python benchmarks/qat.py mobilenet_v2:width=0.35 applications:MobileNetV3Small --epochs 12 --aware-epochs 3

Data: scikit-learn's 1,797 digits at 32x32, a fifth held out. Each network is trained in float32, quantized after
training (the int8 scheme, 200 calibration pictures), and trained further with each method from the same float32
weights. Agreement: how often the `.tflite` file gives the fake-quantized model's first class on the held-out pictures.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import keras_cnns
from keras_cnns.errors import UserError
from keras_cnns.files import write_json
from keras_cnns.tflite import export, predict, qat
from keras_cnns.training import digits

NETWORKS = ("mobilenet_v1:width=0.25", "mobilenet_v2:width=0.35", "mobilenet_v3_small", "efficientnet_b0")
NETWORKS += ("resnet20_cifar", "applications:MobileNetV3Small")
COLUMNS = ("network", "float32", "int8 after training", "method", "fake-quantized", ".tflite", "agreement", "seconds")


def data(size=32):
    """Training and held-out pictures, 0 .. 255, three channels, and their labels."""
    for pictures, labels in digits.arrays().values():
        pictures = keras.ops.image.resize(pictures.astype("float32"), (size, size))
        yield np.repeat(np.asarray(pictures), 3, axis=-1), labels


def build(name, size=32):
    """`NAME`, `NAME:column=value,...` of this package, or `applications:NAME`; pixels 0 .. 255 in, class scores out."""
    name, _, rest = name.partition(":")
    if name == "applications":
        options = {"weights": None, "input_shape": (size, size, 3), "classes": 10, "classifier_activation": None}
        return getattr(keras.applications, rest)(**options)
    columns = {k: float(v) for k, v in (pair.split("=") for pair in rest.split(",") if pair)}
    options = {"classes": 10, "include_preprocessing": True, "classifier_activation": None}
    return keras_cnns.build(name, input_shape=(size, size, 3), **options, **columns)


def fit(model, library, pictures, labels, *, rate, epochs):
    """Adam with a cosine schedule, by Keras 3 or by tf_keras; returns the seconds."""
    steps = epochs * -(-len(labels) // 64)
    optimizer = library.optimizers.Adam(library.optimizers.schedules.CosineDecay(rate, steps))
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    start = time.perf_counter()
    model.fit(pictures, labels, 64, epochs, verbose=0)
    return time.perf_counter() - start


def settle(model):
    """Batch norm that follows within a few hundred steps; the networks' own momentum is made for a million."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9


def compare(name, train, test, *, epochs, aware_epochs, rate):
    """One row per method."""
    (x, y), (held_out, labels) = train, test

    def right(scores):
        return float(np.mean(scores.argmax(1) == labels))

    keras.utils.set_random_seed(0)
    model = build(name)
    settle(model)
    fit(model, keras, x, y, rate=3e-3, epochs=epochs)
    row = {"network": name, "float32": right(model.predict(held_out, verbose=0))}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        export(model, path, scheme="int8", calibration=x[:200], images=held_out, force=True)
        row["int8 after training"] = right(predict(path, held_out))
        for method in qat.METHODS:
            keras.utils.set_random_seed(1)
            aware = qat.quantization_aware(model, method=method, pictures=x[:200])
            if method == "tfmot":
                from keras_cnns.tflite import twin

                seconds = fit(aware, twin.tf_keras, x, y, rate=rate, epochs=aware_epochs)
                path.write_bytes(twin.convert(aware))
            else:
                seconds = fit(aware, keras, x, y, rate=rate, epochs=aware_epochs)
                path.write_bytes(qat.convert(aware))
            theirs, ours = aware.predict(held_out, verbose=0), predict(path, held_out)
            yield row | {
                "method": method,
                "fake-quantized": right(theirs),
                ".tflite": right(ours),
                "agreement": float(np.mean(theirs.argmax(1) == ours.argmax(1))),
                "seconds": round(seconds, 1),
            }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--epochs", type=int, default=12, help="in float32")
    parser.add_argument("--aware-epochs", type=int, default=3, help="quantization-aware")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate, quantization-aware")
    parser.add_argument("--json", help="write the rows there too")
    options = parser.parse_args()
    train, test = data()
    rows, budget = [], {k: getattr(options, k) for k in ("epochs", "aware_epochs", "rate")}
    print("| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|", flush=True)
    for name in options.networks:
        try:
            for row in compare(name, train, test, **budget):
                rows.append(row)
                cells = (f"{row[c]:.4f}" if isinstance(row[c], float) and c != "seconds" else row[c] for c in COLUMNS)
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        except UserError as error:
            print(f"| {name} | {error} |", flush=True)
    if options.json:
        write_json(options.json, rows)


if __name__ == "__main__":
    main()
