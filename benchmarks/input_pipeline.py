"""Times the input pipeline of training, compared with bare decoding of JPEGs on the same machine.

    python benchmarks/input_pipeline.py [--pictures 256] [--rounds 5] [--json FILE]

The pictures are synthetic: 500 x 375 pixels, as smooth and grainy as a photograph, and of ImageNet's mean size, about
108 KB. Bare decoding reads and decodes whole pictures in parallel and keeps one pixel of each. The pipeline reads,
decodes the crop, resizes it to 224 x 224 and batches. The runs alternate. Medians and their ratios are printed, in
wall-clock time and in CPU time; the latter counts if other work runs on the machine. The augmentation after the crop,
which runs on the training device, is timed separately, on the CPU.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from keras_cnns.data import cropped, pipeline
from keras_cnns.support.atomic_files import write_json

CROP = {"crop": "random_resized", "mirror": True}
PIPELINES = {
    "crop, mirror (ResNet)": CROP,
    "256 crop, mirror, PCA (AlexNet)": {"crop": "random", "mirror": True, "pca_noise": 0.1},
    "256 to 512 crop, mirror, PCA (VGG)": {
        "crop": "random",
        "scale": (256 / 224, 512 / 224),
        "mirror": True,
        "pca_noise": 0.1,
    },
    "crop, mirror, colour jitter": {**CROP, "jitter": 0.4},
    "crop, mirror, random erasing": {**CROP, "erase": 0.25},
    "crop, mirror, AutoAugment": {**CROP, "policy": "autoaugment"},
    "crop, mirror, RandAugment 2, 9": {**CROP, "policy": "randaugment"},
    "crop, mirror, MixUp and CutMix": {**CROP, "mixup": 0.2, "cutmix": 1.0},
}


def make_pictures(folder, count):
    """Writes `count` JPEGs of 2 classes, and returns their paths."""
    rng, paths = np.random.default_rng(0), []
    for i in range(count):
        coarse = tf.image.resize(rng.uniform(0, 255, (12, 16, 3)), (375, 500), method="bicubic")
        grain = rng.normal(0, 16, (375, 500, 1)) + rng.normal(0, 4, (375, 500, 3))
        pixels = tf.clip_by_value(coarse + grain, 0, 255)
        path = folder / "train" / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_jpeg(tf.cast(pixels, tf.uint8), quality=93).numpy())
        paths.append(str(path))
    return paths


def bare(paths, batch):
    dataset = tf.data.Dataset.from_tensor_slices(paths).repeat()
    dataset = dataset.map(
        lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=3)[0, 0], num_parallel_calls=os.cpu_count()
    )
    return dataset.batch(batch).prefetch(2)


def cost(dataset, batches, batch, warm_up=8):
    """Milliseconds a picture by the clock and of the processors; read anew, so that nothing goes on behind the next."""
    iterator = iter(dataset)
    for _ in range(warm_up):
        next(iterator)
    began = time.perf_counter(), time.process_time()
    for _ in range(batches):
        next(iterator)
    ended = time.perf_counter(), time.process_time()
    return tuple(1000 * (e - b) / (batches * batch) for b, e in zip(began, ended, strict=True))


def finishing(loaded, batch, rounds):
    """Milliseconds a picture that the processors would need for what is left to the device."""
    parts = next(iter(loaded.batches))
    finish = tf.function(loaded.finish)
    finish(*parts)
    times = []
    for _ in range(rounds):
        began = time.process_time()
        finish(*parts)[0].numpy()
        times.append(1000 * (time.process_time() - began) / batch)
    return statistics.median(times)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=256, help="pictures made, and read in every run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the figures to this file")
    options, batch = parser.parse_args(arguments), 32
    cropped.CACHED_BYTES = 0  # as with a data set that does not fit into memory
    with tempfile.TemporaryDirectory() as folder:
        paths = make_pictures(Path(folder), options.pictures)
        size = sum(os.path.getsize(path) for path in paths) / len(paths)
        runs, left = {"bare decode": bare(paths, batch)}, {}
        for name, augment in PIPELINES.items():
            loaded = pipeline.load(f"folder:{folder}", size=224, batch_size=batch, augment=augment)
            runs[name], left[name] = loaded.batches, finishing(loaded, batch, options.rounds)
        costs = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, dataset in runs.items():
                costs[name].append(cost(dataset, options.pictures // batch, batch))
    medians = {name: [statistics.median(c) for c in zip(*pairs, strict=True)] for name, pairs in costs.items()}
    table = Table(title=f"{options.pictures} JPEGs, 500 x 375, {size / 1024:.0f} KB, {os.cpu_count()} cores")
    for column in ("", "pictures / s", "of bare decode", "CPU ms / picture", "of bare decode", "left to the device"):
        table.add_column(column, justify="right" if column else "left", no_wrap=not column)
    for name, (clock, processor) in medians.items():
        ratios = [f"{medians['bare decode'][i] / medians[name][i]:.2f}" for i in range(2)]
        later = f"{left[name]:.2f}" if name in left else ""
        table.add_row(name, f"{1000 / clock:.0f}", ratios[0], f"{processor:.2f}", ratios[1], later)
    Console().print(table)
    if options.json:
        write_json(
            options.json,
            {
                "columns": ["clock ms a picture", "processor ms a picture"],
                "medians": medians,
                "left": left,
                "runs": costs,
            },
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
