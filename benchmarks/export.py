"""Every export scheme on a list of networks: size, latency and fidelity, with what XNNPACK leaves out.

    python benchmarks/export.py mobilenet_v2 applications:MobileNetV3Large --size 224

Weights are calibrated, not trained: random kernels, gains and offsets away from one and zero, batch-norm statistics
measured on pictures. That is enough for latency (on a fresh network int8 timings mean nothing: its tiny ranges push
additions out of XNNPACK); what a scheme costs in accuracy, only a trained network can say.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_cnns.errors import UserError
from keras_cnns.files import write_json
from keras_cnns.tflite import SCHEMES, export, print_reports


def build(name, size):
    """The network called `name`: one of ours, or `applications:NAME` of Keras's own."""
    if name.startswith("applications:"):
        constructor = getattr(keras.applications, name.split(":", 1)[1])
        return constructor(weights=None, input_shape=(size, size, 3), classes=100)
    import keras_cnns

    return keras_cnns.build(name, input_shape=(size, size, 3), classes=100, include_preprocessing=True)


def pictures(count, size, high=255.0, seed=0):
    """Coarse patterns under fine ones, values from 0 to `high`."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 1, (count, 6, 6, 3)) * rng.uniform(0.2, 1, (count, 1, 1, 3))
    rows = np.arange(size) * 6 // size
    return (high * (0.8 * coarse[:, rows][:, :, rows] + 0.2 * rng.uniform(0, 1, (count, size, size, 3)))).astype("f4")


def pictures_for(name, count, size):
    """Two different sets on the scale that the network called `name` takes."""
    both = (pictures(count, size, seed=seed) for seed in (1, 2))
    inside = ("V3S", "V3L", "Efficient", "ConvNeXt")  # Keras's own that have their preprocessing inside
    if name.startswith("applications:") and not any(word in name for word in inside):
        return tuple(images / 127.5 - 1 for images in both)
    return tuple(both)


def calibrate(model, images, seed=0):
    """Gives `model` weights as a trained network has them, in seconds.

    Offsets are positive: where half of every activation is cut off, a random network is chaotic and doubles any error
    every few layers, which a trained one does not.
    """
    rng = np.random.default_rng(seed)
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
        for variable in (layer.gamma, layer.beta):
            if variable is not None:
                low, high = (0.7, 1.3) if variable is layer.gamma else (0.5, 1.5)
                variable.assign(rng.uniform(low, high, variable.shape))
    model([images] if isinstance(model.input, list) else images, training=True)
    last = model.layers[-1]
    if isinstance(last, keras.layers.Dense):
        x = np.asarray(keras.Model(model.inputs[0], last.input)(images, training=False))
        kernel = rng.normal(size=last.kernel.shape)
        last.kernel.assign(kernel * 3 / (x @ kernel).std())  # as sure of its classes as a trained network
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--schemes", nargs="+", default=list(SCHEMES))
    parser.add_argument("--count", type=int, default=48, help="pictures to calibrate and to compare on")
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in flags.names:
            seen, unseen = pictures_for(name, flags.count, flags.size)
            model = calibrate(build(name, flags.size), seen)
            reports = []
            for scheme in flags.schemes:
                try:
                    path = Path(folder, f"{scheme}.tflite")
                    reports.append(export(model, path, scheme=scheme, calibration=seen, images=unseen, force=True))
                except UserError as error:
                    print(f"{name} {scheme}: {error}")
                    rows.append({"model": name, "scheme": scheme, "error": str(error)})
            print_reports(reports, title=name)
            for report in reports:
                if report.undelegated:
                    print(f"  {report.scheme} outside XNNPACK: {report.undelegated}")
                rows.append({**report.to_dict(), "model": name})
    if flags.json:
        write_json(flags.json, rows)


if __name__ == "__main__":
    main()
