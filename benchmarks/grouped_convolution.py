"""Times training steps of ResNeXt-50 (32x4d) and ResNet-50: about as many multiply-accumulates, so 1.0 is ideal.

    python benchmarks/grouped_convolution.py --size 96 --batch 8 --json grouped.json

The steps of the networks alternate, so that other work on the machine affects both. With `--naive` the 3x3 convolutions
are Keras's own grouped convolutions; use a small size.

Two x86-64 cores with AVX-512, TensorFlow 2.21, nothing else running. Columns: milliseconds of a ResNet-50 step and of a
ResNeXt-50 step, median of the ratio, range of the ratio.

    size 96, batch 8                 203    276    1.32 (1.01 to 1.51)
    size 64, batch 4                  89    144    1.57 (1.36 to 1.80)
    size 64, batch 4, --naive         90   1545   17.16 (17.06 to 17.24)
"""

import argparse
import statistics
import time

import keras
import numpy as np

import keras_cnns
from keras_cnns.layers import grouped
from keras_cnns.support.atomic_files import write_json

PAIR = ("resnet50_v1_5", "resnext50_32x4d")


def stepper(name, size, batch):
    """A function that makes one training step and returns its seconds."""
    model = keras_cnns.build(name, input_shape=(size, size, 3))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(batch, size, size, 3)).astype("float32")
    labels = rng.integers(0, 1000, batch)

    def step():
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        return time.perf_counter() - start

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--naive", action="store_true", help="Keras's own grouped convolution")
    parser.add_argument("--json", help="write the figures here")
    arguments = parser.parse_args()
    if arguments.naive:
        grouped.slow_here = lambda: False
    steps = {name: stepper(name, arguments.size, arguments.batch) for name in PAIR}
    for step in steps.values():  # traced, and once more for the memory
        step(), step()
    seconds = {name: [] for name in PAIR}
    for _ in range(arguments.steps):
        for name, step in steps.items():
            seconds[name].append(step())
    median = {name: statistics.median(times) for name, times in seconds.items()}
    ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
    ratio = statistics.median(ratios)
    for name, value in median.items():
        print(f"{name:18} {1000 * value:9.0f} ms a step")
    print(f"ratio {ratio:.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")
    if arguments.json:
        figures = {**vars(arguments), "milliseconds": {n: 1000 * v for n, v in median.items()}, "ratio": ratio}
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
