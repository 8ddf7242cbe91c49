"""Times how long a float32 file takes, compared with TensorFlow's converter.

    python benchmarks/conversion.py [MobileNetV2 EfficientNetB0 ...] [--rounds 3]

Ours is everything that `export` does before it quantizes: prepare the graph (fold batch normalization and the like),
convert a concrete function, and sign it. Theirs is `tf.lite.TFLiteConverter.from_keras_model`. They take turns on
networks of keras.applications at their own size. The medians and the ratio are printed.
"""

import argparse
import statistics
import sys
import time

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from export import application
from keras_cnns.support.errors import UserError
from keras_cnns.support.streams import stderr_closed
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.rewrite.prepare import prepare


def ours(model):
    return convert.to_flatbuffer(prepare(model))


def theirs(model):
    with stderr_closed():
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["MobileNetV2", "EfficientNetB0"], help="of keras.applications")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    try:
        constructors = {name: application(name) for name in options.names}
    except UserError as error:
        parser.error(str(error))
    table = Table("", "this package, s", "from_keras_model, s", "ratio", "MB", "MB")
    for name, constructor in constructors.items():
        model = constructor(weights=None)
        seconds, sizes = {ours: [], theirs: []}, {}
        for _ in range(options.rounds):
            for way in (ours, theirs):
                began = time.perf_counter()
                sizes[way] = len(way(model)) / 1e6
                seconds[way].append(time.perf_counter() - began)
        first, second = (statistics.median(seconds[way]) for way in (ours, theirs))
        times = (f"{first:.2f}", f"{second:.2f}", f"{first / second:.2f}")
        table.add_row(name, *times, *(f"{sizes[way]:.1f}" for way in (ours, theirs)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
